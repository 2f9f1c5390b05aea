import { type CatalogPage, type CatalogQuery, type CatalogView, compare, pageOf } from './catalog-view.ts'
import type { DefinitionKind } from './definition.ts'
import type { ExposedNames } from './exposed-names.ts'
import { type CatalogEntry, type CatalogServer, ServerBlock } from './server-block.ts'

/**
 * What all servers of a tenant offer, under names that never meet. It never changes: a change of one server makes
 * another one, which shares everything else. Whoever reads it asks no server and waits for nothing.
 */
export class MergedCatalog implements CatalogView {
  readonly #blocks: readonly ServerBlock[]
  readonly #entries = new Map<DefinitionKind, readonly CatalogEntry[]>()
  readonly #indexes = new Map<DefinitionKind, ReadonlyMap<string, CatalogEntry>>()

  private constructor(blocks: readonly ServerBlock[]) {
    this.#blocks = blocks
  }

  static readonly empty = new MergedCatalog([])

  get servers(): readonly CatalogServer[] {
    return this.#blocks.map(({ server }) => server)
  }

  /** With what a server offers now in place of what it offered before. */
  with(server: CatalogServer, names: ExposedNames): MergedCatalog {
    const others = this.#blocks.filter((block) => block.server.serverId !== server.serverId)
    const blocks = [...others, new ServerBlock(server, names)]
    return new MergedCatalog(blocks.toSorted(bySlug))
  }

  without(serverId: string): MergedCatalog {
    const blocks = this.#blocks.filter((block) => block.server.serverId !== serverId)
    return blocks.length === this.#blocks.length ? this : new MergedCatalog(blocks)
  }

  /**
   * What somebody sees who has lists of his own.
   *
   * @param serverIds the servers whose lists are his own: of these, what everybody sees is not shown.
   */
  withOwn(own: MergedCatalog, serverIds: ReadonlySet<string>): MergedCatalog {
    const shared = this.#blocks.filter(({ server }) => !serverIds.has(server.serverId))
    return new MergedCatalog([...shared, ...own.#blocks].toSorted(bySlug))
  }

  /** Put together when they are first needed: while many servers start, there are many changes and few questions. */
  entries(kind: DefinitionKind): readonly CatalogEntry[] {
    let entries = this.#entries.get(kind)
    if (entries === undefined)
      this.#entries.set(kind, (entries = this.#blocks.flatMap((block) => block.entries(kind))))
    return entries
  }

  list(kind: DefinitionKind, query: CatalogQuery): CatalogPage {
    return pageOf(this.entries(kind), query)
  }

  find(kind: DefinitionKind, exposed: string): CatalogEntry | undefined {
    let index = this.#indexes.get(kind)
    if (index === undefined)
      this.#indexes.set(kind, (index = new Map(this.entries(kind).map((entry) => [entry.exposed, entry]))))
    return index.get(exposed)
  }

  findResource(uri: string): CatalogEntry | undefined {
    return this.resourcesAt(uri).next().value
  }

  *resourcesAt(uri: string): Generator<CatalogEntry, undefined, undefined> {
    const resource = this.find('resource', uri)
    if (resource !== undefined) yield resource
    for (const block of this.#blocks) yield* block.templatesOf(uri)
  }

  findOwn(slug: string, uri: string): CatalogEntry | undefined {
    return this.#blocks.find(({ server }) => server.slug === slug)?.findOwn(uri)
  }

  /** What a server spoke of, the server has the last word about. */
  mayRead(): boolean {
    return true
  }
}

const bySlug = (one: ServerBlock, other: ServerBlock): number => compare(one.server.slug, other.server.slug)
