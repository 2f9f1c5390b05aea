import { type QueryExecutorProvider, sql } from 'kysely'

import { SessionError } from '../errors/session-error.ts'
import { isConflict, sqlStateOf } from '../errors/sql-state.ts'

/** One level of sessions in a transaction: the session itself, or one that is nested in it, as a savepoint. */
export class SessionLevel {
  readonly #kysely: QueryExecutorProvider
  readonly #onConflict: (error: unknown) => void
  readonly #depth: number
  #nesting = false
  #ended = false

  /**
   * @param onConflict is told of a conflict that only the whole transaction, run again, can overcome.
   * @param depth 0: the session itself.
   */
  constructor(kysely: QueryExecutorProvider, onConflict: (error: unknown) => void, depth = 0) {
    this.#kysely = kysely
    this.#onConflict = onConflict
    this.#depth = depth
  }

  /**
   * Runs `work` in a savepoint: what it did is kept when it fulfils, and undone when it rejects.
   *
   * @throws {SessionError} reason `nested`: this level has ended, or another nested session is open in it;
   *   reason `aborted`: `work` swallowed the error of a statement.
   */
  async nest<T>(work: (level: SessionLevel) => Promise<T>): Promise<T> {
    this.#refuseUnlessFree()
    this.#nesting = true
    const level = new SessionLevel(this.#kysely, this.#onConflict, this.#depth + 1)
    const savepoint = sql.id(`nested_${this.#depth + 1}`)
    try {
      await sql`savepoint ${savepoint}`.execute(this.#kysely)
      try {
        const result = await work(level)
        await sql`release savepoint ${savepoint}`.execute(this.#kysely)
        return result
      } catch (error) {
        if (isConflict(error)) {
          // Whatever this part saw is out of date for the rest too, so nothing is worth keeping.
          this.#onConflict(error)
          throw error
        }
        await this.#undo(savepoint)
        throw readable(error)
      }
    } finally {
      level.#ended = true
      this.#nesting = false
    }
  }

  #refuseUnlessFree(): void {
    if (this.#ended) {
      throw new SessionError('nested', 'this nested session has ended: use the session that it was opened in')
    }
    if (this.#nesting) {
      const message =
        'another nested session is open in this session: wait for its end, or open this one inside it'
      throw new SessionError('nested', message)
    }
  }

  async #undo(savepoint: ReturnType<typeof sql.id>): Promise<void> {
    try {
      await sql`rollback to savepoint ${savepoint}`.execute(this.#kysely)
      await sql`release savepoint ${savepoint}`.execute(this.#kysely)
    } catch {
      // The connection is gone, and the whole transaction with it. What went wrong before must not be hidden.
    }
  }
}

/** What a savepoint says that cannot be kept because a statement in it failed and nobody heard of it. */
const readable = (error: unknown): unknown =>
  sqlStateOf(error) === '25P02'
    ? new SessionError(
        'aborted',
        'a statement of the nested session failed and the work went on as if it had not, so it was rolled back',
        { cause: error },
      )
    : error
