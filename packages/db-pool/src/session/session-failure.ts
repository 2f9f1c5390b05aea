import { AbortedTransactionError } from 'kysely'

import type { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'
import { SessionError } from '../errors/session-error.ts'
import { isConflict, isStalePlan, sqlStateOf } from '../errors/sql-state.ts'

/** How far a session got. */
export type SessionStage = 'begin' | 'door' | 'work' | 'commit'

/** What to throw for what went wrong, and whether the work may simply be tried again. */
export interface SessionOutcome {
  readonly error: unknown
  readonly retry: boolean
}

const ABOUT_STATE: Readonly<Record<string, readonly [SessionError['reason'], string]>> = {
  '40001': ['conflict', 'the session collided with another one on every attempt (serialization failure)'],
  '40P01': ['conflict', 'the session collided with another one on every attempt (deadlock)'],
  '57014': ['statement-timeout', 'a statement was cancelled because it ran longer than it may'],
  '55P03': ['lock-timeout', 'a statement waited longer than it may for a lock that another session holds'],
}

const doorError = (state: string | undefined, tenantRole: string, cause: unknown): SessionError | undefined =>
  state === '22023' || state === '42501' || state === '42704'
    ? new SessionError(
        'tenant-role',
        `tenant sessions run as the role "${tenantRole}", which does not exist or is not granted to the ` +
          `pool's user: run the migrations, or have an administrator run CREATE ROLE ${tenantRole} NOLOGIN ` +
          `and GRANT ${tenantRole} to that user`,
        { cause },
      )
    : undefined

/** What there is to read. */
export interface SessionFault {
  readonly stage: SessionStage
  readonly error: unknown
  /** What `error` says about the database; undefined: nothing. */
  readonly unavailable: DatabaseUnavailableError | undefined
  /** Whether `error` leaves open what became of the commit. */
  readonly commitUnknown: boolean
  readonly tenantRole: string
}

/** Reads what went wrong in a session. */
export const sessionOutcome = ({
  stage,
  error,
  unavailable,
  commitUnknown,
  tenantRole,
}: SessionFault): SessionOutcome => {
  if (commitUnknown) {
    const message = 'the connection broke while the commit was under way: it may or may not have happened'
    return { error: new SessionError('commit-unknown', message, { cause: error }), retry: false }
  }
  if (error instanceof Error && sqlStateOf(error.cause) === '25P03') {
    const message =
      'the session held its transaction open for too long without using it, so it was rolled back'
    return { error: new SessionError('idle-timeout', message, { cause: error }), retry: false }
  }
  if (unavailable !== undefined) {
    // A pooled connection that turns out to be dead when it is first used has done nothing yet.
    return { error: unavailable, retry: stage === 'begin' && unavailable.reason === 'connection-lost' }
  }
  if (error instanceof AbortedTransactionError) {
    const message =
      'a statement failed, the work went on as if it had not, and so the transaction was rolled back'
    return { error: new SessionError('aborted', message, { cause: error }), retry: false }
  }
  const state = sqlStateOf(error)
  const fault = stage === 'door' ? doorError(state, tenantRole, error) : undefined
  if (fault !== undefined) {
    return { error: fault, retry: false }
  }
  const about = state === undefined ? undefined : ABOUT_STATE[state]
  return about === undefined
    ? { error, retry: isStalePlan(error) }
    : { error: new SessionError(about[0], about[1], { cause: error }), retry: about[0] === 'conflict' }
}

/** Reads what went wrong with a statement outside sessions. */
export const statementFailure = ({
  error,
  unavailable,
  commitUnknown,
}: Pick<SessionFault, 'error' | 'unavailable' | 'commitUnknown'>): unknown => {
  if (commitUnknown) {
    const message = 'the connection broke while the statement was under way: it may or may not have happened'
    return new SessionError('commit-unknown', message, { cause: error })
  }
  const state = sqlStateOf(error)
  const about = state === undefined || isConflict(error) ? undefined : ABOUT_STATE[state]
  return unavailable ?? (about === undefined ? error : new SessionError(about[0], about[1], { cause: error }))
}
