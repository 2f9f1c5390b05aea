import type { Logger, ServerRecord } from '@mreg/core'

import type { ChangeFeed } from './change-feed.ts'
import { Lanes } from './lanes.ts'

/** Asks the endpoints of a server whether they work, and keeps what was found; `health` has the real one. */
export type ServerChecker = (server: ServerRecord, signal: AbortSignal) => Promise<void>

/** Servers that are registered together are not all asked in the same moment. */
const AT_ONCE = 16

/** The probes of servers that were registered, changed, or are asked about; those under way end with their owner. */
export class ServerProbes implements AsyncDisposable {
  readonly #checker: ServerChecker
  readonly #changes: ChangeFeed
  readonly #logger: Logger
  readonly #ending = new AbortController()
  readonly #underWay = new Set<Promise<void>>()
  readonly #lanes = new Lanes(AT_ONCE)

  constructor(options: {
    readonly checker: ServerChecker
    readonly changes: ChangeFeed
    readonly logger: Logger
  }) {
    this.#checker = options.checker
    this.#changes = options.changes
    this.#logger = options.logger
  }

  /** Probes a server; what was found is served when this is done. */
  async now(server: ServerRecord): Promise<void> {
    await this.#checker(server, this.#ending.signal)
    // A new status is a change: who asks next is told of it.
    if (!this.#ending.signal.aborted) await this.#changes.catchUp()
  }

  /** Begins to probe a server; nobody waits for it. */
  later(server: ServerRecord): void {
    const probe = this.#lanes
      .run(() => this.now(server))
      .catch((error: unknown) =>
        this.#logger.warn('the result of a probe could not be kept', { server: server.slug, error }),
      )
      .finally(() => this.#underWay.delete(probe))
    this.#underWay.add(probe)
  }

  /** Waits for probes that are under way; they are cut short. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    await Promise.allSettled(this.#underWay)
  }
}
