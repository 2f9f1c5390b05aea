import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

import { CompiledQuery, Kysely, type Transaction } from 'kysely'

import type { SessionOptions } from '../database-pool.ts'
import { SessionError } from '../errors/session-error.ts'
import { sqlStateOf } from '../errors/sql-state.ts'
import type { ResolvedPoolOptions } from '../pool-options.ts'
import { nameStatement } from '../prepared/statement-names.ts'
import type { Backend } from './backend.ts'
import { backoffMs } from './backoff.ts'
import { queryLog } from './query-log.ts'
import { sessionOutcome, type SessionStage } from './session-failure.ts'
import { SessionLevel } from './session-level.ts'

const ENTER_TENANT = `select set_config($1, $2, true), set_config('role', $3, true)`
nameStatement(ENTER_TENANT)

/** How far one attempt got. */
interface Progress {
  stage: SessionStage
  failure: { readonly error: unknown } | undefined
  conflict: { readonly error: unknown } | undefined
  readonly marker: { open: boolean }
}

/** What a session is made of. */
export interface SessionPlan<Schema, T> {
  /** undefined: with the rights of the pool's own user. */
  readonly tenantId: string | undefined
  readonly options: SessionOptions
  readonly work: (kysely: Transaction<Schema>, level: SessionLevel) => Promise<T>
}

/** Runs sessions: a transaction each, tried again where that helps, and counted. */
export class SessionRunner<Schema> {
  readonly #backend: Backend
  readonly #kysely: Kysely<Schema>
  readonly #options: ResolvedPoolOptions
  /** The session that the running code is in; it may outlive the session, so the flag says whether that is still open. */
  readonly #current = new AsyncLocalStorage<{ open: boolean }>()
  #stopped = false
  #active = 0
  #committed = 0
  #failed = 0
  #retried = 0

  constructor(backend: Backend, options: ResolvedPoolOptions) {
    this.#backend = backend
    this.#options = options
    this.#kysely = new Kysely<Schema>({
      dialect: backend.dialect,
      ...(options.onQuery === undefined ? {} : { log: queryLog(options.onQuery) }),
    })
  }

  get counts(): SessionCounts {
    return {
      active: this.#active,
      committed: this.#committed,
      failed: this.#failed,
      retried: this.#retried,
    }
  }

  /** @throws {SessionError} reason `nested`. */
  async run<T>(plan: SessionPlan<Schema, T>): Promise<T> {
    this.refuseInside('a session was asked for', 'use its nested(), or pass on the one that is open')
    this.#active += 1
    try {
      const result = await this.#attempts(plan)
      this.#committed += 1
      return result
    } catch (error) {
      this.#failed += 1
      throw error
    } finally {
      this.#active -= 1
    }
  }

  /** @throws {SessionError} reason `nested`: the running code is in a session, and would wait for a second connection while it holds one. */
  refuseInside(what: string, remedy: string): void {
    if (this.#current.getStore()?.open === true) {
      throw new SessionError('nested', `${what} inside a session of the same pool: ${remedy}`)
    }
  }

  /** Runs `work` as code that is in no session, wherever it is called from. */
  outside<A extends unknown[]>(work: (...values: A) => void, ...values: A): void {
    this.#current.run({ open: false }, work, ...values)
  }

  /** From now on nothing is tried again. */
  stop(): void {
    this.#stopped = true
  }

  async #attempts<T>(plan: SessionPlan<Schema, T>): Promise<T> {
    const started = performance.now()
    for (let attempt = 1; ; attempt += 1) {
      const progress: Progress = {
        stage: 'begin',
        failure: undefined,
        conflict: undefined,
        marker: { open: true },
      }
      try {
        return await this.#attempt(plan, progress)
      } catch (caught) {
        // A rollback that fails must not hide what was rolled back for, and nothing hides a conflict.
        const { error } = progress.conflict ?? progress.failure ?? { error: caught }
        const outcome = sessionOutcome({
          stage: progress.stage,
          error,
          unavailable: isOwnFault(plan.options, error) ? undefined : this.#backend.unavailability(error),
          commitUnknown: progress.stage === 'commit' && this.#backend.commitUnknown(error),
          tenantRole: this.#options.tenantRole,
        })
        // A server that does not answer costs a full wait each time, and one is enough.
        const waitedMs = performance.now() - started
        const late = progress.stage === 'begin' && waitedMs > this.#options.acquireTimeoutMs / 2
        if (!outcome.retry || late || attempt >= this.#options.maxAttempts || this.#stopped) {
          throw outcome.error
        }
      }
      this.#retried += 1
      await sleep(backoffMs(attempt, 5, 200))
    }
  }

  #attempt<T>({ options, tenantId, work }: SessionPlan<Schema, T>, progress: Progress): Promise<T> {
    let transaction = this.#kysely.transaction()
    if (options.isolationLevel !== undefined) {
      transaction = transaction.setIsolationLevel(options.isolationLevel)
    }
    if (options.readOnly === true) {
      transaction = transaction.setAccessMode('read only')
    }
    return transaction.execute(async (kysely) => {
      try {
        progress.stage = 'door'
        if (tenantId !== undefined) {
          await this.#enterTenant(kysely, tenantId)
        }
        progress.stage = 'work'
        const level = new SessionLevel(kysely, (error) => {
          progress.conflict ??= { error }
        })
        const result = await this.#current.run(progress.marker, () => work(kysely, level))
        progress.stage = 'commit'
        return result
      } catch (error) {
        progress.failure = { error }
        throw error
      } finally {
        progress.marker.open = false
      }
    })
  }

  /** Both settings end with the transaction, whichever way it ends. */
  async #enterTenant(kysely: Transaction<Schema>, tenantId: string): Promise<void> {
    const { tenantRole, tenantSetting } = this.#options
    await kysely.executeQuery(CompiledQuery.raw(ENTER_TENANT, [tenantSetting, tenantId, tenantRole]))
  }
}

/** A server that refuses to write is a standby, unless it was asked to. */
const isOwnFault = ({ readOnly }: SessionOptions, error: unknown): boolean =>
  readOnly === true && sqlStateOf(error) === '25006'

/** Of sessions, since the start. */
interface SessionCounts {
  /** Running now. */
  readonly active: number
  readonly committed: number
  readonly failed: number
  readonly retried: number
}
