import type { JsonRpcId } from '@mreg/mcp-wire'
import { type CatalogServer, type DefinitionKind, exposeDefinition } from '@mreg/registry'

import { encodeList, PAGE, positionIn } from '../merged/merged-lists.ts'

/**
 * The response to a list of one server, in the newer era and under its own names, from what is known: the server is not asked.
 *
 * @param cursor what the page before it gave; undefined: the first page.
 * @returns undefined when the cursor is none of ours.
 */
export const serverListResponse = (
  id: JsonRpcId,
  kind: DefinitionKind,
  server: CatalogServer,
  cursor: string | undefined,
): Uint8Array | undefined => {
  const after = cursor === undefined ? undefined : positionIn(cursor)
  if (cursor !== undefined && after === undefined) return undefined
  // By name, so that a page goes on where the one before it ended whatever changed between the two.
  const all = server.definitions
    .filter((definition) => definition.kind === kind && (after === undefined || definition.name > after))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const entries: Uint8Array[] = []
  let bytes = 0
  for (const definition of all) {
    const entry = exposeDefinition(definition, definition.name, (uri) => uri)
    bytes += entry.length
    if (entries.length > 0 && (entries.length >= PAGE.maxEntries || bytes > PAGE.maxBytes))
      return encodeList(id, kind, entries, all[entries.length - 1]?.name, [server])
    entries.push(entry)
  }
  return encodeList(id, kind, entries, undefined, [server])
}
