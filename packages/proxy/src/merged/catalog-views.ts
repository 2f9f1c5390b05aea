import { Buffer } from 'node:buffer'

import {
  type CatalogEntry,
  type CatalogView,
  type DefinitionKind,
  SelectedCatalog,
  type Selection,
  type SelectionReason,
  shownBy,
} from '@mreg/registry'

import type { Exchange } from '../exchange.ts'
import { isBack } from './offer-changes.ts'

/**
 * Says what of a catalog the sender of a request is shown; undefined: all of it. It gives the same object for as long as that
 * object decides the same, as what was selected is kept by it.
 */
export type SelectionFor = (exchange: Viewer) => Selection | undefined

/** Who looks at a catalog, and through which toolset. */
export type Viewer = Pick<Exchange, 'principal' | 'toolset'>

/** What one selection makes of an entry. */
export interface TracedSelection {
  /** undefined: it does not show it. */
  readonly shown: CatalogEntry | undefined
  /** On what grounds; undefined: it does not say. */
  readonly reason: SelectionReason | undefined
}

/** What each request is shown of its tenant's catalog: what every selection in turn leaves of it. */
export class CatalogViews {
  readonly #selections: readonly SelectionFor[]
  /** What was selected lives as long as that from which, and by which, it was. */
  readonly #views = new WeakMap<CatalogView, WeakMap<Selection, CatalogView>>()

  /** @param selections applied in their order. */
  constructor(selections: readonly SelectionFor[]) {
    this.#selections = selections
  }

  of(catalog: CatalogView, exchange: Viewer): CatalogView {
    let view = catalog
    for (const selectionFor of this.#selections) {
      const selection = selectionFor(exchange)
      if (selection !== undefined) view = this.#selected(view, selection)
    }
    return view
  }

  /** What each selection in turn makes of an entry of the catalog, up to the first that does not show it. */
  trace(entry: CatalogEntry, exchange: Viewer): readonly TracedSelection[] {
    const traced: TracedSelection[] = []
    let current: CatalogEntry | undefined = entry
    for (const selectionFor of this.#selections) {
      const selection = selectionFor(exchange)
      if (selection === undefined) continue
      const shown = shownBy(selection, current)
      const reason = current.action === undefined ? selection.why?.(current) : undefined
      traced.push({ shown, reason })
      if (shown === undefined) break
      current = shown
    }
    return traced
  }

  /** The entry of the catalog to which some selection gives that name; undefined: none does. */
  renamed(
    catalog: CatalogView,
    exchange: Viewer,
    kind: DefinitionKind,
    name: string,
  ): CatalogEntry | undefined {
    for (const selectionFor of this.#selections) {
      const selection = selectionFor(exchange)
      const found = selection && this.#selected(catalog, selection).find(kind, name)
      const entry = found && catalog.entries(kind).find(({ definition }) => definition === found.definition)
      if (entry !== undefined) return entry
    }
    return undefined
  }

  #selected(base: CatalogView, selection: Selection): CatalogView {
    let views = this.#views.get(base)
    if (views === undefined) this.#views.set(base, (views = new WeakMap()))
    let view = views.get(selection)
    if (view === undefined) views.set(selection, (view = new SelectedCatalog(base, selection)))
    return view
  }
}

/** Of which of `kinds` a view shows something else than the one before it, or something of a server that was away and is back. */
export const changedInView = (
  before: CatalogView,
  after: CatalogView,
  kinds: ReadonlySet<DefinitionKind>,
): ReadonlySet<DefinitionKind> =>
  new Set([...kinds].filter((kind) => !isSameList(before.entries(kind), after.entries(kind))))

const isSameList = (one: readonly CatalogEntry[], other: readonly CatalogEntry[]): boolean =>
  one.length === other.length && one.every((entry, index) => isSameEntry(entry, other[index]))

const isSameEntry = (one: CatalogEntry, other: CatalogEntry | undefined): boolean =>
  one === other ||
  (other !== undefined &&
    one.exposed === other.exposed &&
    !isBack(one.server, other.server) &&
    Buffer.compare(one.bytes, other.bytes) === 0)
