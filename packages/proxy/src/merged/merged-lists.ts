import { Buffer } from 'node:buffer'

import { type JsonRpcId } from '@mreg/mcp-wire'
import {
  type CatalogQuery,
  type CatalogServer,
  type CatalogView,
  DEFINITION_KINDS,
  DEFINITION_LISTS,
  type DefinitionKind,
} from '@mreg/registry'

/** Says which servers are away, in the `_meta` of a merged list. */
const UNAVAILABLE = 'dev.mreg/unavailable'
/** Bounds of one page. */
export const PAGE = { maxEntries: 1000, maxBytes: 4_194_304 } as const
/** A list costs little here and may change at any time: clients ask again. */
const LIST_TTL_MS = 0

const KIND_OF_METHOD: ReadonlyMap<string, DefinitionKind> = new Map(
  DEFINITION_KINDS.map((kind) => [DEFINITION_LISTS[kind].method, kind]),
)

/** What a method lists; undefined when it lists nothing. */
export const kindListedBy = (method: string | undefined): DefinitionKind | undefined =>
  method === undefined ? undefined : KIND_OF_METHOD.get(method)

/** What is listed: all that a list needs of a view. */
export interface ListedView extends Pick<CatalogView, 'servers'> {
  list(
    kind: DefinitionKind,
    query: CatalogQuery,
  ): { readonly entries: readonly { readonly bytes: Uint8Array }[]; readonly next: string | undefined }
}

/**
 * The response to a list, in the newer era, from what is known: no server is asked.
 *
 * @param cursor what the page before it gave; undefined: the first page.
 * @returns undefined when the cursor is none of ours.
 */
export const listResponse = (
  id: JsonRpcId,
  kind: DefinitionKind,
  catalog: ListedView,
  cursor: string | undefined,
): Uint8Array | undefined => {
  const after = cursor === undefined ? undefined : positionIn(cursor)
  if (cursor !== undefined && after === undefined) return undefined
  const { entries, next } = catalog.list(kind, { ...PAGE, after })
  const bytes = entries.map((entry) => entry.bytes)
  return encodeList(id, kind, bytes, next, catalog.servers)
}

/**
 * A response with a list in the newer era.
 *
 * @param next where the next page begins; undefined: this is the last.
 * @param servers whose entries there are: those that are away are named.
 */
export const encodeList = (
  id: JsonRpcId,
  kind: DefinitionKind,
  entries: readonly Uint8Array[],
  next: string | undefined,
  servers: readonly CatalogServer[],
): Uint8Array => {
  const more = {
    ...(next === undefined ? {} : { nextCursor: Buffer.from(next).toString('base64url') }),
    ttlMs: LIST_TTL_MS,
    cacheScope: 'private',
    ...unavailableIn(servers),
  }
  const head = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"resultType":"complete",`
  const list = `${JSON.stringify(DEFINITION_LISTS[kind].member)}:[`
  const parts: Uint8Array[] = [Buffer.from(head + list)]
  for (const [index, entry] of entries.entries()) {
    if (index > 0) parts.push(COMMA)
    parts.push(entry)
  }
  parts.push(Buffer.from(`],${JSON.stringify(more).slice(1)}}`))
  return Buffer.concat(parts)
}

const COMMA = Buffer.from(',')

/** A cursor is the position in base64url, and nothing else is one. */
export const positionIn = (cursor: string): string | undefined => {
  const position = Buffer.from(cursor, 'base64url')
  return position.length > 0 && position.toString('base64url') === cursor ? position.toString() : undefined
}

const unavailableIn = (servers: readonly CatalogServer[]): object => {
  const unavailable = servers.flatMap(({ slug, unavailable: why }) =>
    why === undefined ? [] : [{ server: slug, ...why, since: why.since.toISOString() }],
  )
  return unavailable.length === 0 ? {} : { _meta: { [UNAVAILABLE]: unavailable } }
}
