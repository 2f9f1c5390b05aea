import { type Logger, silentLogger } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import { PRUNE_STEP_LENGTH, type RegistryDatabase, RetentionRepository } from '@mreg/repositories'

export interface RegistryRetentionOptions {
  readonly database: DatabasePool<RegistryDatabase>
  /** How long entries of the change log stay, in milliseconds. Who was away for longer reads everything. Default 7 days. */
  readonly changesMs?: number | undefined
  /** How long it is remembered what a server does not offer any more, in milliseconds. Default 90 days. */
  readonly goneMs?: number | undefined
  /** Between rounds, in milliseconds. Default one hour. */
  readonly intervalMs?: number | undefined
  readonly logger?: Logger | undefined
  /** The time now, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Removes what the registry keeps for a time only. Any number of processes may do so at once. */
export class RegistryRetention implements AsyncDisposable {
  readonly #options: RegistryRetentionOptions
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #round: Promise<unknown> | undefined
  #isEnding = false

  constructor(options: RegistryRetentionOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /** Begins with its rounds. */
  start(): void {
    this.#timer ??= setInterval(() => this.#begin(), this.#options.intervalMs ?? HOUR_MS).unref()
  }

  /**
   * One round, in small transactions.
   *
   * @returns how many rows were removed.
   * @throws {DatabaseUnavailableError} the database does not answer; what was removed stays removed.
   */
  async prune(): Promise<number> {
    const { changesMs = 7 * DAY_MS, goneMs = 90 * DAY_MS, now = Date.now } = this.#options
    const changes = await this.#steps((rows) => rows.changes(new Date(now() - changesMs)))
    const gone = await this.#steps((rows) => rows.goneCapabilities(new Date(now() - goneMs)))
    return changes + gone
  }

  /** Ends; a transaction under way is waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true
    clearInterval(this.#timer)
    await this.#round
  }

  async #steps(step: (rows: RetentionRepository) => Promise<number>): Promise<number> {
    let removed = 0
    let last: number
    do {
      last = await this.#options.database.systemSession('remove what was kept for long enough', (session) =>
        step(new RetentionRepository(session)),
      )
      removed += last
    } while (last >= PRUNE_STEP_LENGTH && !this.#isEnding)
    return removed
  }

  #begin(): void {
    this.#round ??= this.prune()
      .catch((error: unknown) => this.#logger.warn('what is too old could not be removed', { error }))
      .finally(() => {
        this.#round = undefined
      })
  }
}
