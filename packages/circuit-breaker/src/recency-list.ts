/** An element of a {@link RecencyList}: the list lives in its elements, so using one costs a few assignments. */
export interface RecencyLink<Link> {
  older: Link | undefined
  newer: Link | undefined
}

/** A doubly linked list in the order of last use. */
export class RecencyList<Link extends RecencyLink<Link>> {
  #oldest: Link | undefined
  #newest: Link | undefined

  get oldest(): Link | undefined {
    return this.#oldest
  }

  add(link: Link): void {
    link.older = this.#newest
    if (this.#newest) this.#newest.newer = link
    else this.#oldest = link
    this.#newest = link
  }

  remove(link: Link): void {
    if (link.older) link.older.newer = link.newer
    else this.#oldest = link.newer
    if (link.newer) link.newer.older = link.older
    else this.#newest = link.older
    link.older = link.newer = undefined
  }

  /** Makes it the most recent. */
  use(link: Link): void {
    if (link === this.#newest) return
    this.remove(link)
    this.add(link)
  }
}
