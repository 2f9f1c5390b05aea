import { Buffer } from 'node:buffer'

import { findMember, type JsonRpcId, readValue, type ScannedMessage } from '@mreg/mcp-wire'
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

/** The longest that a list is said to be good, in milliseconds, whatever its servers say: a server may be registered at any time. */
const MAX_TTL_MS = 5000

const KIND_OF_METHOD: ReadonlyMap<string, DefinitionKind> = new Map(
  DEFINITION_KINDS.map((kind) => [DEFINITION_LISTS[kind].method, kind]),
)

/** What a method lists; undefined when it lists nothing. */
export const kindListedBy = (method: string | undefined): DefinitionKind | undefined =>
  method === undefined ? undefined : KIND_OF_METHOD.get(method)

/** The cursor of a request; undefined when it has none, null when it is no string. */
export const cursorIn = (body: Uint8Array, { paramsSpan }: ScannedMessage): string | null | undefined => {
  const span = paramsSpan && findMember(body, paramsSpan, 'cursor')
  if (span === undefined) return undefined
  const cursor = readValue(body, span)
  return typeof cursor === 'string' ? cursor : null
}

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
 * @param isEverybodys whether everybody is shown the same.
 * @returns undefined when the cursor is none of ours.
 */
export const listResponse = (
  id: JsonRpcId,
  kind: DefinitionKind,
  catalog: ListedView,
  cursor: string | undefined,
  isEverybodys: boolean,
): Uint8Array | undefined => {
  const after = cursor === undefined ? undefined : positionIn(cursor)
  if (cursor !== undefined && after === undefined) return undefined
  const { entries, next } = catalog.list(kind, { ...PAGE, after })
  const bytes = entries.map((entry) => entry.bytes)
  return encodeList(id, kind, bytes, next, catalog.servers, isEverybodys)
}

/**
 * A response with a list in the newer era.
 *
 * @param next where the next page begins; undefined: this is the last.
 * @param servers whose entries there are: those that are away are named, and it is good for as long as what each of them said.
 * @param isEverybodys whether everybody is shown the same. Default false.
 */
export const encodeList = (
  id: JsonRpcId,
  kind: DefinitionKind,
  entries: readonly Uint8Array[],
  next: string | undefined,
  servers: readonly CatalogServer[],
  isEverybodys = false,
): Uint8Array => {
  const isPublic = isEverybodys && servers.every(({ freshness }) => freshness?.isPublic === true)
  const more = {
    ...(next === undefined ? {} : { nextCursor: Buffer.from(next).toString('base64url') }),
    ttlMs: ttlMsOf(servers),
    cacheScope: isPublic ? 'public' : 'private',
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

/** For how long a list of what all of these offer is good, in milliseconds; 0 when one of them does not say it, or is away. */
const ttlMsOf = (servers: readonly CatalogServer[]): number => {
  let until = Infinity
  for (const { freshness, unavailable } of servers)
    until = Math.min(until, freshness === undefined || unavailable !== undefined ? 0 : freshness.until)
  return Number.isFinite(until) ? Math.min(MAX_TTL_MS, Math.max(0, until - Date.now())) : 0
}

const unavailableIn = (servers: readonly CatalogServer[]): object => {
  const unavailable = servers.flatMap(({ slug, seenAt, unavailable: why }) => {
    if (why === undefined) return []
    const age = seenAt === undefined ? {} : { ageMs: Date.now() - seenAt.getTime() }
    return [{ server: slug, ...why, since: why.since.toISOString(), ...age }]
  })
  return unavailable.length === 0 ? {} : { _meta: { [UNAVAILABLE]: unavailable } }
}
