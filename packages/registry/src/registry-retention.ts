import { type Logger, silentLogger } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import {
  CapabilityRepository,
  ChangeRepository,
  PRUNE_STEP_LENGTH,
  type RegistryDatabase,
  RetentionRepository,
} from '@mreg/repositories'

export interface RegistryRetentionOptions {
  readonly database: DatabasePool<RegistryDatabase>
  /** How long entries of the change log stay, in milliseconds. Who was away for longer reads everything. Default 7 days. */
  readonly changesMs?: number | undefined
  /** How long it is remembered what a server does not offer any more, in milliseconds. Default 90 days. */
  readonly goneMs?: number | undefined
  /** How long audit events stay, in milliseconds. Default 365 days. */
  readonly auditMs?: number | undefined
  /** How long a request with an idempotency key is known again, in milliseconds. Default one day. */
  readonly idempotencyMs?: number | undefined
  /** Between rounds, in milliseconds, give or take a quarter. Default one hour. */
  readonly intervalMs?: number | undefined
  readonly logger?: Logger | undefined
  /** The time now, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/**
 * Removes what the registry keeps for a time only. Of all processes that would at the same time, one does; the others have their next
 * round.
 */
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
    if (this.#isEnding) return
    // Lest all processes that were started together come together.
    const inMs = (this.#options.intervalMs ?? HOUR_MS) * (0.75 + Math.random() / 2)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#begin()
      this.start()
    }, inMs).unref()
  }

  /**
   * One round, in small transactions.
   *
   * @returns how many rows were removed.
   * @throws {DatabaseUnavailableError} the database does not answer; what was removed stays removed.
   */
  async prune(): Promise<number> {
    const { changesMs = 7 * DAY_MS, goneMs = 90 * DAY_MS, now = Date.now } = this.#options
    const { auditMs = 365 * DAY_MS, idempotencyMs = DAY_MS } = this.#options
    const before = (ageMs: number): Date => new Date(now() - ageMs)
    const changes = await this.#steps((rows) => rows.changes(before(changesMs)))
    const gone = await this.#steps((rows) => rows.goneCapabilities(before(goneMs)))
    const audit = await this.#steps((rows) => rows.auditEvents(before(auditMs)))
    const idempotency = await this.#steps((rows) => rows.idempotencyKeys(before(idempotencyMs)))
    return changes + gone + audit + idempotency + (await this.#definitions())
  }

  /** Ends; a transaction under way is waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true
    clearTimeout(this.#timer)
    await this.#round
  }

  async #steps(step: (rows: RetentionRepository) => Promise<number>): Promise<number> {
    let removed = 0
    let last: number
    do {
      last = await this.#options.database.systemSession('remove what was kept for long enough', (session) =>
        stepAlone(new RetentionRepository(session), step),
      )
      removed += last
    } while (last >= PRUNE_STEP_LENGTH && !this.#isEnding)
    return removed
  }

  /** Those that nobody offers any more. */
  async #definitions(): Promise<number> {
    const { database } = this.#options
    const tenants = await database.systemSession('look for tenants', (session) =>
      new ChangeRepository(session).revisions(),
    )
    let removed = 0
    for (const tenantId of tenants.keys()) {
      let last = PRUNE_STEP_LENGTH
      while (last >= PRUNE_STEP_LENGTH && !this.#isEnding) {
        last = await database.tenantSession(tenantId, (session) =>
          new CapabilityRepository(session).forgetDefinitions(),
        )
        removed += last
      }
    }
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

const stepAlone = async (
  rows: RetentionRepository,
  step: (rows: RetentionRepository) => Promise<number>,
): Promise<number> => ((await rows.isAlone()) ? step(rows) : 0)
