import { type Logger, silentLogger } from '@mreg/core'
import { type DatabasePool, DatabaseUnavailableError, SessionError } from '@mreg/db-pool'
import { type AuditEvent, AuditEventRepository, newEntityId, type RegistryDatabase } from '@mreg/repositories'

import { RateLimiter } from '../limits/rate-limiter.ts'
import type { AuditSpool, TenantAuditEvent } from './audit-spool.ts'

/** Something to be remembered; its id comes with it. */
export type NewAuditEvent = Omit<TenantAuditEvent, 'id'>

export interface AuditTrailOptions {
  readonly database: DatabasePool<RegistryDatabase>
  /** Where events wait while the database is away; undefined: in memory, as long as there is room. */
  readonly spool?: AuditSpool | undefined
  /** How long events are gathered before they are written, in milliseconds. Default 250. */
  readonly gatherMs?: number | undefined
  /** Until the database is tried again after it was away, in milliseconds. Default 2000. */
  readonly retryMs?: number | undefined
  /** Events in memory at most. Default 20,000. */
  readonly maxQueued?: number | undefined
  readonly logger?: Logger | undefined
}

/** What became of events since the start. */
export interface AuditFigures {
  recorded: number
  written: number
  spooled: number
  /** There was no room for them, or the database does not take them. */
  lost: number
  /** Refusals that came so thick that one stands for many. */
  suppressed: number
}

const BATCH_LENGTH = 500
const CROWDED_LENGTH = 5000

/**
 * Writes down who did what. To record waits for nothing: events are gathered, and written behind the requests; while the database
 * is away they go to a spool, and from there to the database, at least once and never twice, for each has an id. What finds no
 * room is counted. A process that is killed loses what it has gathered last.
 */
export class AuditTrail implements AsyncDisposable {
  readonly figures: AuditFigures = { recorded: 0, written: 0, spooled: 0, lost: 0, suppressed: 0 }
  readonly #options: AuditTrailOptions
  readonly #logger: Logger
  readonly #refusals = new RateLimiter({ name: 'audit-refusals', rate: { perSecond: 10, burst: 200 } })
  #queue: TenantAuditEvent[] = []
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> | undefined
  #tryAt = 0
  /** Whether something may be left in the spool: at the start by the process before. */
  #isSpooled: boolean
  #isEnding = false

  constructor(options: AuditTrailOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#isSpooled = options.spool !== undefined
    if (this.#isSpooled) this.#later()
  }

  /** Events that are not written yet. */
  get pending(): number {
    return this.#queue.length
  }

  /** Takes note of what was done. */
  record(event: NewAuditEvent): void {
    const { maxQueued = 20_000 } = this.#options
    this.figures.recorded += 1
    if (this.#queue.length >= maxQueued) {
      this.#lose(1)
      return
    }
    this.#queue.push({ ...event, id: newEntityId() })
    if (this.#queue.length >= BATCH_LENGTH) void this.flush()
    else this.#later()
  }

  /** Takes note of what was refused. Of many in a short time only the first are written: nobody fills the database by asking. */
  recordRefusal(event: NewAuditEvent): void {
    if (this.#refusals.take(event.tenantId) === 0) this.record(event)
    else this.figures.suppressed += 1
  }

  /** Writes what has been recorded so far. Never throws. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#round ??= this.#flush()
      .catch((error: unknown) => this.#logger.error('audit events could not be kept', { error }))
      .finally(() => {
        this.#round = undefined
        if (this.#queue.length > 0 || this.#isSpooled) this.#later()
      })
    return this.#round
  }

  /** Writes what is left, to the database or to the spool. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true
    await this.#round
    await this.flush()
    clearTimeout(this.#timer)
  }

  #later(): void {
    if (this.#isEnding) return
    const inMs = Math.max(this.#options.gatherMs ?? 250, this.#tryAt - performance.now())
    this.#timer ??= setTimeout(() => void this.flush(), inMs).unref()
  }

  async #flush(): Promise<void> {
    const { spool } = this.#options
    while (this.#queue.length > 0) {
      // More come than the database takes: they are put where there is room, and it gets them by and by.
      const isBehind = spool !== undefined && this.#queue.length > CROWDED_LENGTH
      const batch = this.#queue.splice(0, BATCH_LENGTH)
      if (!isBehind && (await this.#write(batch))) continue
      if (spool === undefined) {
        this.#putBack(batch)
        return
      }
      await this.#spool(spool, batch)
    }
    if (spool === undefined || !this.#isSpooled || performance.now() < this.#tryAt) return
    this.#isSpooled = !(await spool.drain(
      BATCH_LENGTH,
      async (events) => this.#queue.length < BATCH_LENGTH && !this.#isEnding && this.#write(events),
    ))
  }

  /** @returns false: the database is away. */
  async #write(events: readonly TenantAuditEvent[]): Promise<boolean> {
    if (performance.now() < this.#tryAt) return false
    const tenants = Map.groupBy(events, ({ tenantId }) => tenantId)
    for (const [tenantId, ofTenant] of tenants) {
      try {
        await this.#append(tenantId, ofTenant)
      } catch (error) {
        if (DatabaseUnavailableError.is(error) || SessionError.is(error)) {
          this.#tryAt = performance.now() + (this.#options.retryMs ?? 2000)
          return false
        }
        // One of them is not taken, such as that of a tenant that there is not: the others are.
        for (const event of ofTenant) await this.#append(tenantId, [event]).catch(() => this.#lose(1))
      }
    }
    return true
  }

  async #append(tenantId: string, events: readonly AuditEvent[]): Promise<void> {
    await this.#options.database.tenantSession(tenantId, (session) =>
      new AuditEventRepository(session).append(events),
    )
    this.figures.written += events.length
  }

  async #spool(spool: AuditSpool, events: readonly TenantAuditEvent[]): Promise<void> {
    const isKept = await spool.append(events).catch((error: unknown) => {
      this.#logger.error('audit events could not be spooled', { error })
      return false
    })
    if (!isKept) {
      this.#lose(events.length)
      return
    }
    this.figures.spooled += events.length
    this.#isSpooled = true
  }

  #putBack(batch: readonly TenantAuditEvent[]): void {
    const { maxQueued = 20_000 } = this.#options
    const room = Math.max(0, maxQueued - this.#queue.length)
    this.#lose(Math.max(0, batch.length - room))
    this.#queue = [...batch.slice(0, room), ...this.#queue]
  }

  #lose(count: number): void {
    if (count === 0) return
    if (this.figures.lost === 0) this.#logger.warn('audit events are lost: there is no room for more')
    this.figures.lost += count
  }
}
