import { ChildGuard } from '@mreg/mcp-transports'

import { StartGate } from './start-gate.ts'
import type { StdioLimits } from './stdio-limits.ts'

/** Whose processes are counted and ended when nobody uses them. */
export interface ChildOwner {
  /** How many processes it has. */
  readonly size: number
  /** Ends the process that was idle longest, if one is idle. Gives whether there was one. */
  endIdlest(): boolean
  /** Ends every process that was idle for so long. */
  endIdle(idleMs: number): void
}

/** What the processes of all servers share: their guard, their turn to start, and the room there is. */
export class ChildHost implements AsyncDisposable {
  readonly guard = new ChildGuard()
  readonly gate: StartGate
  readonly limits: StdioLimits
  readonly #owners = new Set<ChildOwner>()
  #timer: NodeJS.Timeout | undefined

  constructor(limits: StdioLimits) {
    this.limits = limits
    this.gate = new StartGate(limits.maxStarting)
  }

  add(owner: ChildOwner): void {
    this.#owners.add(owner)
    const everyMs = Math.max(100, Math.min(15_000, this.limits.idleMs / 4))
    this.#timer ??= setInterval(() => this.#endIdle(), everyMs).unref()
  }

  delete(owner: ChildOwner): void {
    this.#owners.delete(owner)
  }

  /** Makes room for one more process of `owner`, at the expense of idle ones if need be. Gives whether there is. */
  makeRoom(owner: ChildOwner): boolean {
    const { maxProcesses, maxProcessesPerServer } = this.limits
    if (owner.size >= maxProcessesPerServer && !owner.endIdlest()) return false
    let total = 0
    for (const { size } of this.#owners) total += size
    return total < maxProcesses || [...this.#owners].some((other) => other.endIdlest())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.guard[Symbol.asyncDispose]()
  }

  #endIdle(): void {
    for (const owner of this.#owners) owner.endIdle(this.limits.idleMs)
  }
}
