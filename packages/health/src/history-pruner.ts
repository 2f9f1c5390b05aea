import { type Logger, silentLogger } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import { HealthCheckLog, type RegistryDatabase } from '@mreg/repositories'

export interface HistoryPrunerOptions {
  readonly database: DatabasePool<RegistryDatabase>
  /** What is older goes, in milliseconds. */
  readonly historyMs: number
  /** Of each endpoint, at most so many checks stay: the newest. */
  readonly historyChecks: number
  /** Between rounds, in milliseconds. Default one hour. The first comes after a tenth of it. */
  readonly intervalMs?: number | undefined
  readonly logger?: Logger | undefined
  /** The time now, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

const HOUR_MS = 3_600_000

/** Removes what is too old, or too much, from the history of all endpoints. Any number of processes may: one at a time works. */
export class HistoryPruner implements AsyncDisposable {
  readonly #options: HistoryPrunerOptions
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #round: Promise<unknown> | undefined
  #ending = false

  constructor(options: HistoryPrunerOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /** Begins with its rounds. */
  start(): void {
    const intervalMs = this.#options.intervalMs ?? HOUR_MS
    this.#timer ??= setTimeout(() => {
      this.#begin()
      this.#timer = setInterval(() => this.#begin(), intervalMs)
      this.#timer.unref()
    }, intervalMs / 10)
    this.#timer.unref()
  }

  /**
   * One round through all endpoints, in small transactions.
   *
   * @returns how many checks were removed.
   * @throws {DatabaseUnavailableError} the database does not answer; what was removed stays removed.
   */
  async prune(): Promise<number> {
    const { database, historyMs, historyChecks: keepPerEndpoint, now = Date.now } = this.#options
    const olderThan = new Date(now() - historyMs)
    let removed = 0
    let after: string | undefined
    do {
      const from = after
      const step = await database.systemSession('prune the history of health checks', (session) =>
        new HealthCheckLog(session).prune({ olderThan, keepPerEndpoint }, from),
      )
      // Another process is at it.
      if (step === undefined) break
      removed += step.removed
      after = step.next
    } while (after !== undefined && !this.#ending)
    return removed
  }

  /** Ends; a transaction under way is waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true
    clearTimeout(this.#timer)
    clearInterval(this.#timer)
    await this.#round
  }

  #begin(): void {
    this.#round ??= this.prune()
      .catch((error: unknown) =>
        this.#logger.warn('the history of health checks could not be pruned', { error }),
      )
      .finally(() => {
        this.#round = undefined
      })
  }
}
