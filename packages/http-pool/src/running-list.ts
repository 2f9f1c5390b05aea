/** What a {@link RunningList} holds: it keeps its own place there. */
export interface Listed {
  /** Written by the list alone; -1 when it is in none. */
  position: number
}

/**
 * Members without order, entered and left at every request. A `Set` would do, but one that churns leaves its outgrown
 * tables behind, each pointing to the next and to its members: they die only in full collections, which was a third of the
 * relay's processor time.
 */
export class RunningList<Member extends Listed> implements Iterable<Member> {
  readonly #members: Member[] = []

  add(member: Member): void {
    member.position = this.#members.length
    this.#members.push(member)
  }

  delete(member: Member): void {
    const { position } = member
    if (position === -1) return
    member.position = -1
    const last = this.#members.pop()
    if (last === undefined || last === member) return
    this.#members[position] = last
    last.position = position
  }

  /** Those that are in it now, whatever happens meanwhile. */
  [Symbol.iterator](): Iterator<Member> {
    return [...this.#members][Symbol.iterator]()
  }
}
