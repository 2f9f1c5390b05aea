import { Buffer } from 'node:buffer'

import type { Principal } from '@mreg/core'
import { decodeCursor, encodeCursor, invalidCursor } from '@mreg/repositories'

import { argumentNames } from './argument-names.ts'
import { CatalogSearch } from './catalog-search.ts'
import { type CatalogView, compareEntries } from './catalog-view.ts'
import type { DefinitionKind } from './definition.ts'
import type { CatalogEntry } from './server-block.ts'

/** What is looked for. What is left out does not matter. */
export interface DiscoveryQuery {
  /** In this order they are listed. */
  readonly kinds: readonly DefinitionKind[]
  /** Words; the best matches come first. undefined: in the order of the lists. */
  readonly q?: string | undefined
  /** What clients, or their servers, call them: names, or URIs of resources. */
  readonly names?: readonly string[] | undefined
  /** The slug of a server. */
  readonly server?: string | undefined
  /** What one of the arguments is called. */
  readonly field?: string | undefined
  /** The slug of a toolset through which is looked. */
  readonly toolset?: string | undefined
  /** At most so many. */
  readonly limit: number
  /** What the page before said is next; undefined: the first page. */
  readonly cursor?: string | undefined
}

/** One of those that were found. */
export interface Discovered {
  readonly kind: DefinitionKind
  /** What clients of `/mcp` call it. */
  readonly name: string
  readonly server: string
  /** What its server calls it. */
  readonly ownName: string
  /** As clients of `/mcp` have it. */
  readonly definition: Record<string, unknown>
  /** Why it may be out of date; undefined: its server works. */
  readonly unavailable?: { readonly since: string; readonly reason: string } | undefined
}

/** A page of what was found. */
export interface DiscoveryPage {
  readonly items: Discovered[]
  readonly nextCursor?: string
}

/** Gives what somebody is shown, through a toolset or not. */
export type ViewOf = (viewer: {
  readonly principal: Principal
  readonly toolset?: string | undefined
}) => Promise<CatalogView>

/** Ranked matches beyond these are not worth a look. */
const MAX_RANKED = 1000

/** Finds what servers offer a principal, in what is in memory: no server is asked for it. */
export class Discovery {
  readonly #viewOf: ViewOf
  readonly #indexes = new WeakMap<CatalogView, Map<DefinitionKind, CatalogSearch>>()

  /** @param viewOf what a principal is shown there. */
  constructor(viewOf: ViewOf) {
    this.#viewOf = viewOf
  }

  /**
   * A page of what a principal may use and what fits the query.
   *
   * @throws {ValidationError} `invalid_cursor`.
   */
  async find(principal: Principal, query: DiscoveryQuery): Promise<DiscoveryPage> {
    const { cursor, limit, toolset } = query
    const place = cursor === undefined ? undefined : decode(cursor, query)
    const view = await this.#viewOf({ principal, toolset })
    const found = this.#candidates(view, query).filter((entry) => fits(entry, query))
    const start = place === undefined ? 0 : startAt(found, place)
    const page = found.slice(start, start + limit)
    const last = page.at(-1)
    const items = page.map(shown)
    if (last === undefined || start + limit >= found.length) return { items }
    return { items, nextCursor: encode(query, last, start + limit) }
  }

  #candidates(view: CatalogView, { kinds, q }: DiscoveryQuery): readonly CatalogEntry[] {
    if (!isRanked(q)) return kinds.flatMap((kind) => view.entries(kind))
    return kinds.flatMap((kind) => this.#indexOf(view, kind).find(q, MAX_RANKED))
  }

  #indexOf(view: CatalogView, kind: DefinitionKind): CatalogSearch {
    let indexes = this.#indexes.get(view)
    if (indexes === undefined) this.#indexes.set(view, (indexes = new Map()))
    let index = indexes.get(kind)
    if (index === undefined) indexes.set(kind, (index = new CatalogSearch(view.entries(kind))))
    return index
  }
}

const fits = (entry: CatalogEntry, { field, names, server }: DiscoveryQuery): boolean =>
  (server === undefined || entry.server.slug === server) &&
  (names === undefined || names.includes(entry.exposed) || names.includes(entry.definition.name)) &&
  (field === undefined || argumentNames(definitionOf(entry)).includes(field))

const shown = (entry: CatalogEntry): Discovered => {
  const { definition, exposed, server } = entry
  const { unavailable } = server
  return {
    kind: definition.kind,
    name: exposed,
    server: server.slug,
    ownName: definition.name,
    definition: definitionOf(entry),
    unavailable: unavailable && { since: unavailable.since.toISOString(), reason: unavailable.reason },
  }
}

const definitionOf = ({ bytes }: CatalogEntry): Record<string, unknown> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a catalog holds objects
  JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>

/** Where a page begins: behind an entry of the lists, or behind so many of the best matches. */
type Place =
  | { readonly kind: string; readonly slug: string; readonly exposed: string }
  | { readonly skip: number }

const startAt = (found: readonly CatalogEntry[], place: Place): number => {
  if ('skip' in place) return place.skip
  const { exposed, kind, slug } = place
  const kinds = found.map(({ definition }) => definition.kind as string)
  const first = kinds.indexOf(kind)
  const next = found.findIndex(
    (entry, index) =>
      index >= first && (kinds[index] !== kind || compareEntries(entry, { exposed, server: { slug } }) > 0),
  )
  return next === -1 ? found.length : next
}

const encode = ({ q }: DiscoveryQuery, last: CatalogEntry, skip: number): string =>
  encodeCursor(isRanked(q) ? [String(skip)] : [last.definition.kind, last.server.slug, last.exposed])

const decode = (cursor: string, { q }: DiscoveryQuery): Place => {
  if (isRanked(q)) {
    const skip = Number(decodeCursor(cursor, 1)[0])
    if (!Number.isInteger(skip) || skip < 0) throw invalidCursor()
    return { skip }
  }
  const [kind = '', slug = '', exposed = ''] = decodeCursor(cursor, 3)
  return { kind, slug, exposed }
}

const isRanked = (q: string | undefined): q is string => q !== undefined && q.trim() !== ''
