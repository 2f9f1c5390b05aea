import type { DefinitionKind } from './definition.ts'
import type { CatalogEntry, CatalogServer } from './server-block.ts'

/** Which part of a list is wanted. */
export interface CatalogQuery {
  /** What the page before it gave as `next`; undefined: the first page. */
  readonly after?: string | undefined
  /** Most entries of a page. */
  readonly maxEntries: number
  /** Most bytes of the entries of a page; the first entry is given whatever its size. */
  readonly maxBytes: number
}

/** A page of a merged list. */
export interface CatalogPage {
  readonly entries: readonly CatalogEntry[]
  /** Where the next page begins; undefined: this is the last. Clients are to see it sealed or encoded. */
  readonly next: string | undefined
}

/**
 * What somebody is shown of what all servers of a tenant offer: all of it (`MergedCatalog`), or what a `Selection` leaves of
 * another view (`SelectedCatalog`). It never changes.
 *
 * Lists are ordered by slug, then by exposed name, so that a page goes on where the one before it ended whatever changed between
 * the two.
 */
export interface CatalogView {
  /** Whose entries are shown, or would be if the server were there; by slug. */
  readonly servers: readonly CatalogServer[]
  /** All of a kind, in order. */
  entries(kind: DefinitionKind): readonly CatalogEntry[]
  /** A page of what {@link CatalogView.entries} gives. */
  list(kind: DefinitionKind, query: CatalogQuery): CatalogPage
  /** What clients mean by a name; for resources and templates, by exactly that URI or template. */
  find(kind: DefinitionKind, exposed: string): CatalogEntry | undefined
  /** The resource of that URI, else the first template that it may have been made from. */
  findResource(uri: string): CatalogEntry | undefined
  /** All that a URI may stand for, the most likely first: the resource, then templates. */
  resourcesAt(uri: string): Iterable<CatalogEntry>
  /** What a server's own URI stands for in its lists: the resource, else its first template. */
  findOwn(slug: string, uri: string): CatalogEntry | undefined
  /** Whether clients may read what a server spoke of, by the server's own URI, if it is in no list. */
  mayRead(slug: string, uri: string): boolean
}

/** The page of `entries`, which are in the order of a {@link CatalogView}. */
export const pageOf = (
  entries: readonly CatalogEntry[],
  { after, maxEntries, maxBytes }: CatalogQuery,
): CatalogPage => {
  const position = after === undefined ? undefined : splitPosition(after)
  const start = position === undefined ? 0 : entries.findIndex((entry) => isBehind(entry, position))
  if (start < 0) return { entries: [], next: undefined }
  let bytes = 0
  let end = start
  for (; end < entries.length; end += 1) {
    bytes += entries[end]?.bytes.length ?? 0
    if (end > start && (end - start >= maxEntries || bytes > maxBytes)) break
  }
  const last = end < entries.length ? entries[end - 1] : undefined
  return { entries: entries.slice(start, end), next: last && `${last.server.slug} ${last.exposed}` }
}

/** What decides where an entry stands. */
type Placed = Pick<CatalogEntry, 'exposed'> & { readonly server: Pick<CatalogServer, 'slug'> }

/** Where two entries stand to each other in every list. */
export const compareEntries = (one: Placed, other: Placed): number =>
  compare(one.server.slug, other.server.slug) || compare(one.exposed, other.exposed)

/** Where two texts stand to each other, whatever the language of the machine. */
export const compare = (one: string, other: string): number => (one === other ? 0 : one < other ? -1 : 1)

interface Position {
  readonly slug: string
  readonly exposed: string
}

const isBehind = ({ server, exposed }: CatalogEntry, position: Position): boolean =>
  (compare(server.slug, position.slug) || compare(exposed, position.exposed)) > 0

/** A slug has no blank. */
const splitPosition = (position: string): Position => {
  const blank = position.indexOf(' ')
  return { slug: position.slice(0, Math.max(0, blank)), exposed: position.slice(blank + 1) }
}
