import { ConnectionRefusal } from './connection-refusal.ts'
import { HttpPoolError, type HttpPoolErrorReason } from './http-pool-error.ts'
import { isLookupError } from './tracked-lookup.ts'

/** How far an exchange had come when it failed. */
export type FailurePoint = 'connecting' | 'securing' | 'waiting'

/** The `code` of a Node.js error, if it has one. */
const errorCode = (error: unknown): string | undefined => stringField(error, 'code')

/** What a connection's or a parser's error means at `point`. */
export const reasonOf = (error: unknown, point: FailurePoint): HttpPoolErrorReason => {
  if (error instanceof ConnectionRefusal) return error.reason
  const code = errorCode(error)
  const syscall = stringField(error, 'syscall')
  if (point === 'waiting') {
    if (code === 'HPE_HEADER_OVERFLOW') return 'too_large'
    return code?.startsWith('HPE_') === true ? 'invalid_response' : 'reset'
  }
  if (syscall === 'getaddrinfo' || isLookupError(error)) return 'dns'
  if (point === 'securing' && syscall !== 'connect' && !(error instanceof AggregateError)) return 'tls'
  return 'unreachable'
}

interface FailureDetail {
  /** ` (CODE)`, or empty. */
  readonly code: string
  readonly limit: number | undefined
}

/** The sentence for each reason; it holds the origin and numbers, nothing secret. */
const SENTENCES: Record<HttpPoolErrorReason, (origin: string, detail: FailureDetail) => string> = {
  invalid_url: (origin) => `not a URL that can be requested: ${origin}`,
  invalid_request: (origin, { code }) =>
    `the request to ${origin} has a method or header that HTTP does not allow${code}`,
  egress_denied: (origin) => `the egress policy does not allow ${origin}`,
  queue_full: (origin, { limit }) => `too many requests wait for a connection to ${origin} (limit ${limit})`,
  queue_timeout: (origin, { limit }) => `no connection to ${origin} became free within ${limit} ms`,
  dns: (origin, { code }) => `the host name of ${origin} cannot be resolved${code}`,
  unreachable: (origin, { code }) => `cannot connect to ${origin}${code}`,
  connect_timeout: (origin, { limit }) => `${origin} accepted no connection within ${limit} ms`,
  proxy: (origin, { code }) => `no connection to ${origin} through the proxy${code}`,
  tls: (origin, { code }) => `no trusted TLS connection to ${origin}${code}`,
  reset: (origin, { code }) => `${origin} closed the connection before it answered${code}`,
  headers_timeout: (origin, { limit }) => `${origin} sent no response head within ${limit} ms`,
  invalid_response: (origin, { code }) => `${origin} did not answer in the form that was asked for${code}`,
  too_large: (origin, { code, limit }) =>
    limit === undefined
      ? `${origin} sent a response head that is too large${code}`
      : `${origin} sent more than ${limit} bytes`,
  idle_timeout: (origin, { limit }) => `${origin} sent nothing for ${limit} ms in the middle of a response`,
  truncated: (origin, { code }) => `${origin} ended the response before it was complete${code}`,
  total_timeout: (origin, { limit }) => `the exchange with ${origin} was not over within ${limit} ms`,
  aborted: (origin) => `the request to ${origin} was aborted`,
  closed: (origin) => `the pool is closed: no request to ${origin}`,
  bad_status: (origin, { limit }) => `${origin} answered with status ${limit}`,
}

/** An {@link HttpPoolError} with the sentence that belongs to its reason. */
export const createFailure = (
  reason: HttpPoolErrorReason,
  context: {
    readonly origin: string
    readonly requestSent: boolean
    readonly limit?: number | undefined
    /** How large the response says that it is. */
    readonly sizeBytes?: number | undefined
    readonly cause?: unknown
  },
): HttpPoolError => {
  const { origin, requestSent } = context
  const refusal = context.cause instanceof ConnectionRefusal ? context.cause : undefined
  const cause = refusal === undefined ? context.cause : refusal.cause
  const limit = context.limit ?? refusal?.limit
  const code = errorCode(cause)
  const sentence = SENTENCES[reason](origin, { code: code === undefined ? '' : ` (${code})`, limit })
  const status = reason === 'bad_status' ? limit : undefined
  const excess =
    reason === 'too_large' && limit !== undefined
      ? { limitBytes: limit, sizeBytes: context.sizeBytes }
      : undefined
  return new HttpPoolError(sentence, { reason, origin, requestSent, cause, status, excess })
}

const stringField = (error: unknown, name: 'code' | 'syscall'): string | undefined => {
  if (typeof error !== 'object' || error === null || !(name in error)) return undefined
  const value: unknown = Reflect.get(error, name)
  return typeof value === 'string' ? value : undefined
}
