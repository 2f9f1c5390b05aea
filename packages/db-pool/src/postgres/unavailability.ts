import { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'
import { sqlStateOf } from '../errors/sql-state.ts'
import { AcquireFailure, ConnectionFailure } from './connection-failure.ts'

/** States that say that the server is there and cannot serve us now. 25006: it became a standby. */
const NOT_READY = new Set(['57P01', '57P02', '57P03', '57P05', '53300', '25006'])
/** States that say that the server does not want us; trying again does not help. */
const REJECTED = new Set(['28000', '28P01', '3D000', '42501', '0A000', '08P01'])

const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined

const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the name of its host cannot be looked up',
  ENOENT: 'there is no such socket',
}

const reasonOf = (error: unknown): string => {
  const code = codeOf(error)
  const known = code === undefined ? undefined : SYSTEM_ERRORS[code]
  return known ?? (error instanceof Error && error.message !== '' ? error.message : 'it did not answer')
}

/** Codes of Node's TLS, and what node-postgres says about a server without it. */
const isTlsRefusal = (error: unknown): boolean =>
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/u.test(codeOf(error) ?? '') ||
  (error instanceof Error && error.message.includes('does not support SSL'))

const acquireUnavailability = (failure: AcquireFailure, target: string): DatabaseUnavailableError => {
  const { cause } = failure
  const state = sqlStateOf(cause)
  if (failure.exhausted) {
    return new DatabaseUnavailableError('exhausted', failure.message, { cause: failure })
  }
  if (isTlsRefusal(cause) || (state !== undefined && REJECTED.has(state))) {
    const message = `${target} does not let us in: ${reasonOf(cause)}. Correct the database URL or the rights of its user`
    return new DatabaseUnavailableError('rejected', message, { cause })
  }
  if (state !== undefined) {
    return new DatabaseUnavailableError('not-ready', `${target} is not ready: ${reasonOf(cause)}`, { cause })
  }
  const message = `${target} cannot be reached: ${reasonOf(cause)}. Start it, or correct the database URL`
  return new DatabaseUnavailableError('unreachable', message, { cause })
}

/** What makes the server unusable, for a person; undefined when `error` does not say that it is. */
export const postgresUnavailability = (
  error: unknown,
  target: string,
): DatabaseUnavailableError | undefined => {
  if (DatabaseUnavailableError.is(error)) {
    return error
  }
  if (error instanceof AcquireFailure) {
    return acquireUnavailability(error, target)
  }
  if (error instanceof ConnectionFailure) {
    const message = `the connection to ${target} was lost: ${error.message}`
    return new DatabaseUnavailableError('connection-lost', message, { cause: error })
  }
  const state = sqlStateOf(error)
  if (state !== undefined && NOT_READY.has(state)) {
    const message = `${target} is not ready: ${reasonOf(error)}`
    return new DatabaseUnavailableError(state === '25006' ? 'not-ready' : 'connection-lost', message, {
      cause: error,
    })
  }
  return undefined
}
