import type { Duplex } from 'node:stream'

import { MAX_TIMER_MS } from './phase-timer.ts'

/** What the list of idle connections writes on its members. */
export interface IdleMember {
  /** What requests are sent on: the socket itself, or TLS over it. */
  socket: Duplex
  /** Undefined: it is not idle. */
  expiresAtMs: number | undefined
  older: this | undefined
  newer: this | undefined
}

/**
 * The idle connections, the one idle for longest first, and one timer for all of them. They come and go with every
 * request, so the list is threaded through its members, and the timer is left alone until it fires.
 */
export class IdleConnections<Member extends IdleMember> {
  readonly #onExpired: (member: Member) => void
  #oldest: Member | undefined
  #newest: Member | undefined
  #size = 0
  #timer: NodeJS.Timeout | undefined
  #dueAtMs = Number.POSITIVE_INFINITY

  constructor(onExpired: (member: Member) => void) {
    this.#onExpired = onExpired
  }

  get size(): number {
    return this.#size
  }

  get oldest(): Member | undefined {
    return this.#oldest
  }

  /** Those that are in it now, whatever happens meanwhile. */
  members(): Member[] {
    const all: Member[] = []
    for (let member = this.#oldest; member !== undefined; member = member.newer) all.push(member)
    return all
  }

  /** @returns false when it is in it already. */
  add(member: Member, idleMs: number): boolean {
    if (member.expiresAtMs !== undefined) return false
    const nowMs = performance.now()
    member.expiresAtMs = nowMs + idleMs
    member.older = this.#newest
    member.newer = undefined
    if (this.#newest === undefined) this.#oldest = member
    else this.#newest.newer = member
    this.#newest = member
    this.#size += 1
    if (member.expiresAtMs < this.#dueAtMs) this.#arm(nowMs, member.expiresAtMs)
    return true
  }

  /** @returns false when it is not in it. */
  delete(member: Member): boolean {
    if (member.expiresAtMs === undefined) return false
    member.expiresAtMs = undefined
    if (member.older === undefined) this.#oldest = member.newer
    else member.older.newer = member.newer
    if (member.newer === undefined) this.#newest = member.older
    else member.newer.older = member.older
    member.older = undefined
    member.newer = undefined
    this.#size -= 1
    return true
  }

  #arm(nowMs: number, dueAtMs: number): void {
    clearTimeout(this.#timer)
    this.#dueAtMs = dueAtMs
    this.#timer = setTimeout(this.#expire, Math.min(Math.ceil(dueAtMs - nowMs), MAX_TIMER_MS))
    // An idle connection keeps no process alive.
    this.#timer.unref()
  }

  readonly #expire = (): void => {
    this.#timer = undefined
    this.#dueAtMs = Number.POSITIVE_INFINITY
    const nowMs = performance.now()
    let nextMs = Number.POSITIVE_INFINITY
    for (const member of this.members()) {
      const { expiresAtMs } = member
      if (expiresAtMs === undefined) continue
      // Timers of Node.js count whole milliseconds and may be a fraction early.
      if (expiresAtMs - nowMs < 1) this.#onExpired(member)
      else nextMs = Math.min(nextMs, expiresAtMs)
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#arm(nowMs, nextMs)
  }
}
