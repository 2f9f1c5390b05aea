import { readDefinitions } from '../../src/index.ts'
import type { Definition, DefinitionKind } from '../../src/index.ts'
import { DEFINITION_LISTS } from '../../src/index.ts'

/** A response with a list, as a server writes it. */
export const listResponse = (
  kind: DefinitionKind,
  entries: readonly unknown[],
  more: object = {},
): Uint8Array =>
  Buffer.from(
    JSON.stringify({ jsonrpc: '2.0', id: 1, result: { [DEFINITION_LISTS[kind].member]: entries, ...more } }),
  )

/** Definitions of one kind, read from what a server would answer. */
export const definitionsOf = (kind: DefinitionKind, ...entries: readonly object[]): readonly Definition[] => {
  const page = readDefinitions(kind, listResponse(kind, entries), 64)
  if (page === undefined) throw new Error('no list')
  return page.definitions
}

export const tools = (...names: readonly string[]): readonly Definition[] =>
  definitionsOf('tool', ...names.map((name) => ({ name, inputSchema: { type: 'object' } })))

export const resources = (...uris: readonly string[]): readonly Definition[] =>
  definitionsOf('resource', ...uris.map((uri) => ({ uri, name: uri })))

export const templates = (...uriTemplates: readonly string[]): readonly Definition[] =>
  definitionsOf(
    'resource_template',
    ...uriTemplates.map((uriTemplate) => ({ uriTemplate, name: uriTemplate })),
  )
