import {
  type CatalogPage,
  type CatalogQuery,
  type CatalogView,
  compareEntries,
  pageOf,
} from './catalog-view.ts'
import { DEFINITION_KINDS, type DefinitionKind } from './definition.ts'
import type { CatalogEntry, CatalogServer } from './server-block.ts'

/** Decides what of a catalog is shown, and how: what a principal may see, or what is in a toolset. */
export interface Selection {
  /** Whether anything of a server can be shown: if the server is away, lists then say so. undefined: of any server. */
  readonly concerns?: ((server: CatalogServer) => boolean) | undefined
  /**
   * The entry as it is shown, under its own or another name (`exposed`, and in `bytes`); undefined: it is not shown. The same
   * entry always comes out the same, and no two of a kind come out under one name.
   */
  readonly show: (entry: CatalogEntry) => CatalogEntry | undefined
  /** On what grounds it decides so about an entry, by the very rules of `show`. undefined: it does not say. */
  readonly why?: ((entry: CatalogEntry) => SelectionReason) | undefined
}

/** Why a {@link Selection} shows something, or does not. */
export interface SelectionReason {
  /** What decided: `access` or `toolset`. */
  readonly by: 'access' | 'toolset'
  /** Stable, such as `toolset_includes`. */
  readonly code: string
  /** For a person. */
  readonly text: string
  /** The same for machines, beyond the code. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
}

/** What a selection makes of an entry; undefined: it is not shown. */
export const shownBy = ({ concerns, show }: Selection, entry: CatalogEntry): CatalogEntry | undefined => {
  // What to do about a server that cannot be used is shown with what is said of it, whatever was selected.
  if (entry.action !== undefined) return concerns?.(entry.server) === false ? undefined : entry
  return show(entry)
}

/** What a {@link Selection} leaves of a view. What it hides cannot be reached by any name or URI. */
export class SelectedCatalog implements CatalogView {
  readonly #base: CatalogView
  readonly #selection: Selection
  readonly #entries = new Map<DefinitionKind, readonly CatalogEntry[]>()
  readonly #renamed = new Map<DefinitionKind, ReadonlyMap<string, CatalogEntry>>()
  #shownSlugs: ReadonlySet<string> | undefined

  constructor(base: CatalogView, selection: Selection) {
    this.#base = base
    this.#selection = selection
  }

  get servers(): readonly CatalogServer[] {
    const { concerns } = this.#selection
    return concerns === undefined ? this.#base.servers : this.#base.servers.filter(concerns)
  }

  entries(kind: DefinitionKind): readonly CatalogEntry[] {
    return this.#entries.get(kind) ?? this.#select(kind)
  }

  list(kind: DefinitionKind, query: CatalogQuery): CatalogPage {
    return pageOf(this.entries(kind), query)
  }

  find(kind: DefinitionKind, exposed: string): CatalogEntry | undefined {
    if (!this.#entries.has(kind)) this.#select(kind)
    const renamed = this.#renamed.get(kind)?.get(exposed)
    if (renamed !== undefined) return renamed
    const shown = this.#shown(this.#base.find(kind, exposed))
    return shown?.exposed === exposed ? shown : undefined
  }

  findResource(uri: string): CatalogEntry | undefined {
    return this.resourcesAt(uri).next().value
  }

  *resourcesAt(uri: string): Generator<CatalogEntry, undefined, undefined> {
    for (const entry of this.#base.resourcesAt(uri)) {
      const shown = this.#shown(entry)
      if (shown !== undefined) yield shown
      // What is hidden as itself is not to be had through a template that happens to fit.
      else if (entry.definition.kind === 'resource') return
    }
  }

  findOwn(slug: string, uri: string): CatalogEntry | undefined {
    return this.#shown(this.#base.findOwn(slug, uri))
  }

  mayRead(slug: string, uri: string): boolean {
    if (!this.#slugs().has(slug) || !this.#base.mayRead(slug, uri)) return false
    const own = this.#base.findOwn(slug, uri)
    return own === undefined || this.#shown(own) !== undefined
  }

  #shown(entry: CatalogEntry | undefined): CatalogEntry | undefined {
    return entry && shownBy(this.#selection, entry)
  }

  #select(kind: DefinitionKind): readonly CatalogEntry[] {
    const entries: CatalogEntry[] = []
    const renamed = new Map<string, CatalogEntry>()
    for (const entry of this.#base.entries(kind)) {
      const shown = this.#shown(entry)
      if (shown === undefined) continue
      entries.push(shown)
      if (shown.exposed !== entry.exposed) renamed.set(shown.exposed, shown)
    }
    if (renamed.size > 0) entries.sort(compareEntries)
    this.#entries.set(kind, entries)
    this.#renamed.set(kind, renamed)
    return entries
  }

  #slugs(): ReadonlySet<string> {
    this.#shownSlugs ??= new Set(
      DEFINITION_KINDS.flatMap((kind) => this.entries(kind).map(({ server }) => server.slug)),
    )
    return this.#shownSlugs
  }
}
