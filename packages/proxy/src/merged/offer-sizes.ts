import type { Principal } from '@mreg/core'
import { type CatalogView, offerSize, type OfferSize } from '@mreg/registry'

import type { Viewer } from './catalog-views.ts'

/** How much one view offers. */
interface ViewSizes {
  readonly whole: OfferSize
  readonly bySlug: ReadonlyMap<string, OfferSize>
}

/** How much servers and toolsets offer a principal, from what is in memory: nobody is asked, and no catalog is begun for it. */
export class OfferSizes {
  readonly #viewOf: (exchange: Viewer) => CatalogView | undefined
  readonly #sizes = new WeakMap<CatalogView, ViewSizes>()

  /** @param viewOf what a principal is shown there; undefined: nothing is in memory yet. */
  constructor(viewOf: (exchange: Viewer) => CatalogView | undefined) {
    this.#viewOf = viewOf
  }

  /** Of a server; undefined: it has never said, as far as is known here. */
  ofServer(principal: Principal, slug: string): OfferSize | undefined {
    const view = this.#viewOf({ principal })
    const server = view?.servers.find((each) => each.slug === slug)
    if (view === undefined || server === undefined) return undefined
    if (server.unavailable !== undefined && server.definitions.length === 0) return undefined
    return this.#of(view).bySlug.get(slug) ?? offerSize([])
  }

  /** Of a toolset; undefined: nothing is known here yet. */
  ofToolset(principal: Principal, slug: string): OfferSize | undefined {
    const view = this.#viewOf({ principal, toolset: slug })
    return view && this.#of(view).whole
  }

  #of(view: CatalogView): ViewSizes {
    const known = this.#sizes.get(view)
    if (known !== undefined) return known
    const tools = view.entries('tool')
    const groups = Map.groupBy(tools, ({ server }) => server.slug)
    const bySlug = new Map([...groups].map(([slug, entries]) => [slug, offerSize(entries)]))
    const sizes = { whole: offerSize(tools), bySlug }
    this.#sizes.set(view, sizes)
    return sizes
  }
}
