import type { DefinitionKind } from './definition.ts'
import type { ExposedNames } from './exposed-names.ts'
import { type CatalogEntry, type CatalogServer, ServerBlock } from './server-block.ts'

/** Which part of a list is wanted. */
export interface CatalogQuery {
  /** What the page before it gave as `next`; undefined: the first page. */
  readonly after?: string | undefined
  /** Most entries of a page. */
  readonly maxEntries: number
  /** Most bytes of the entries of a page; the first entry is given whatever its size. */
  readonly maxBytes: number
  /** Whether the caller may see an entry; undefined: all of them. */
  readonly isVisible?: ((entry: CatalogEntry) => boolean) | undefined
}

/** A page of a merged list. */
export interface CatalogPage {
  readonly entries: readonly CatalogEntry[]
  /** Where the next page begins; undefined: this is the last. Clients are to see it sealed or encoded. */
  readonly next: string | undefined
}

/**
 * What all servers of a tenant offer, under names that never meet. It never changes: a change of one server makes
 * another one, which shares everything else. Whoever reads it asks no server and waits for nothing.
 *
 * Lists are ordered by slug, then by exposed name, so that a page goes on where the one before it ended whatever changed between
 * the two.
 */
export class MergedCatalog {
  readonly #blocks: readonly ServerBlock[]
  readonly #indexes = new Map<DefinitionKind, ReadonlyMap<string, CatalogEntry>>()

  private constructor(blocks: readonly ServerBlock[]) {
    this.#blocks = blocks
  }

  static readonly empty = new MergedCatalog([])

  /** Whose entries there are, by slug. */
  get servers(): readonly CatalogServer[] {
    return this.#blocks.map(({ server }) => server)
  }

  /** With what a server offers now in place of what it offered before. */
  with(server: CatalogServer, names: ExposedNames): MergedCatalog {
    const others = this.#blocks.filter((block) => block.server.serverId !== server.serverId)
    const blocks = [...others, new ServerBlock(server, names)]
    return new MergedCatalog(blocks.toSorted((a, b) => compare(a.server.slug, b.server.slug)))
  }

  without(serverId: string): MergedCatalog {
    const blocks = this.#blocks.filter((block) => block.server.serverId !== serverId)
    return blocks.length === this.#blocks.length ? this : new MergedCatalog(blocks)
  }

  list(kind: DefinitionKind, { after, maxEntries, maxBytes, isVisible }: CatalogQuery): CatalogPage {
    const entries: CatalogEntry[] = []
    let bytes = 0
    for (const entry of this.#entriesAfter(kind, after)) {
      if (isVisible?.(entry) === false) continue
      bytes += entry.bytes.length
      if (entries.length > 0 && (entries.length >= maxEntries || bytes > maxBytes)) {
        return { entries, next: positionOf(entries.at(-1)) }
      }
      entries.push(entry)
    }
    return { entries, next: undefined }
  }

  /** What clients mean by the name of a tool or prompt. */
  find(kind: 'tool' | 'prompt', exposed: string): CatalogEntry | undefined {
    return this.#index(kind).get(exposed)
  }

  /** The template that clients know as `exposed`. */
  findTemplate(exposed: string): CatalogEntry | undefined {
    return this.#index('resource_template').get(exposed)
  }

  /** The resource of that URI, else the first template that it may have been made from. */
  findResource(uri: string): CatalogEntry | undefined {
    const resource = this.#index('resource').get(uri)
    if (resource !== undefined) return resource
    for (const block of this.#blocks) {
      const template = block.findTemplate(uri)
      if (template !== undefined) return template
    }
    return undefined
  }

  /** Made when it is first needed: while many servers start, there are many changes and few questions. */
  #index(kind: DefinitionKind): ReadonlyMap<string, CatalogEntry> {
    let index = this.#indexes.get(kind)
    if (index === undefined) {
      const entries = this.#blocks.flatMap((block) => block.entries(kind))
      this.#indexes.set(kind, (index = new Map(entries.map((entry) => [entry.exposed, entry]))))
    }
    return index
  }

  *#entriesAfter(kind: DefinitionKind, after: string | undefined): Generator<CatalogEntry, void, undefined> {
    const position = after === undefined ? undefined : splitPosition(after)
    for (const block of this.#blocks) {
      const { slug } = block.server
      if (position !== undefined && slug < position.slug) continue
      const isFrom = position !== undefined && slug === position.slug
      for (const entry of block.entries(kind)) if (!isFrom || entry.exposed > position.exposed) yield entry
    }
  }
}

/** A slug has no blank. */
const positionOf = (entry: CatalogEntry | undefined): string | undefined =>
  entry && `${entry.server.slug} ${entry.exposed}`

const splitPosition = (position: string): { readonly slug: string; readonly exposed: string } => {
  const blank = position.indexOf(' ')
  return { slug: position.slice(0, Math.max(0, blank)), exposed: position.slice(blank + 1) }
}

const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)
