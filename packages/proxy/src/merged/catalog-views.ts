import { Buffer } from 'node:buffer'

import {
  type CatalogEntry,
  type CatalogView,
  type DefinitionKind,
  SelectedCatalog,
  type Selection,
} from '@mreg/registry'

import type { Exchange } from '../exchange.ts'

/**
 * Says what of a catalog the sender of a request is shown; undefined: all of it. It gives the same object for as long as that
 * object decides the same, as what was selected is kept by it.
 */
export type SelectionFor = (exchange: Viewer) => Selection | undefined

/** Who looks at a catalog, and through which toolset. */
export type Viewer = Pick<Exchange, 'principal' | 'toolset'>

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

  #selected(base: CatalogView, selection: Selection): CatalogView {
    let views = this.#views.get(base)
    if (views === undefined) this.#views.set(base, (views = new WeakMap()))
    let view = views.get(selection)
    if (view === undefined) views.set(selection, (view = new SelectedCatalog(base, selection)))
    return view
  }
}

/** Of which of `kinds` a view shows something else than the one before it. */
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
  (other !== undefined && one.exposed === other.exposed && Buffer.compare(one.bytes, other.bytes) === 0)
