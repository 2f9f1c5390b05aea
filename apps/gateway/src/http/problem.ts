import { type ErrorKind, MregError, RateLimitedError, UnavailableError, ValidationError } from '@mreg/core'
import { DatabaseUnavailableError, SessionError } from '@mreg/db-pool'
import { encodeError, ERROR_CODE } from '@mreg/mcp-wire'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'

/** An error as clients of the API see it (RFC 9457). */
export interface Problem {
  readonly type: 'about:blank'
  readonly title: string
  readonly status: number
  /** Stable; clients may switch on it. */
  readonly code: string
  readonly detail: string
  /** Finds the request in the log. */
  readonly requestId: string
  readonly faults?: readonly { readonly path: string; readonly message: string }[]
}

const STATUS: Readonly<Record<ErrorKind, number>> = {
  validation: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'rate-limited': 429,
  configuration: 500,
  unavailable: 503,
}

const TITLE: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

/** Errors that the HTTP framework raises before a handler runs, under codes of ours. */
const FRAMEWORK_CODES: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_content_length',
}

/** The one place where an error becomes what an HTTP client sees. */
export const problemOf = (error: unknown, requestId: string): Problem => {
  const problem = (status: number, code: string, detail: string, more: Partial<Problem> = {}): Problem => ({
    type: 'about:blank',
    title: TITLE[status] ?? 'Error',
    status,
    code,
    detail,
    requestId,
    ...more,
  })
  if (MregError.is(error)) {
    const faults = ValidationError.is(error) ? { faults: error.faults } : {}
    const status = error.code === 'revision_mismatch' ? 412 : STATUS[error.kind]
    return problem(status, error.code, error.message, faults)
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const faults = error.validation.map(({ instancePath, message }) => ({
      path: instancePath.split('/').filter(Boolean).join('.'),
      message: message ?? 'is not valid',
    }))
    const detail = faults
      .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
      .join('; ')
    return problem(400, 'invalid_input', detail, { faults })
  }
  if (DatabaseUnavailableError.is(error)) {
    return problem(
      503,
      'database_unavailable',
      'The database does not answer; what is registered stays reachable under /mcp.',
    )
  }
  if (SessionError.is(error)) {
    return error.reason === 'commit-unknown'
      ? problem(
          503,
          'outcome_unknown',
          'The connection to the database broke at the end: the change may or may not have been made. Look before you repeat it.',
        )
      : problem(503, 'database_busy', 'The database could not finish the request in time; try again.')
  }
  const { statusCode, code, message } = frameworkError(error)
  if (statusCode !== undefined && statusCode < 500)
    return problem(statusCode, FRAMEWORK_CODES[code] ?? 'bad_request', message)
  return problem(
    500,
    'internal',
    'The gateway failed to handle the request; the log of the gateway has the cause under the request id.',
  )
}

const frameworkError = (
  error: unknown,
): { readonly statusCode: number | undefined; readonly code: string; readonly message: string } => {
  if (!(error instanceof Error)) return { statusCode: undefined, code: '', message: '' }
  if (error instanceof SyntaxError)
    return { statusCode: 400, code: 'FST_ERR_CTP_INVALID_JSON_BODY', message: 'the body is not JSON' }
  const { statusCode, code } = error as Partial<FastifyError>
  return { statusCode, code: code ?? '', message: error.message }
}

/** Sends a problem in the words of the path: a JSON-RPC error under `/mcp`, problem+json elsewhere. */
export const sendProblem = (
  request: FastifyRequest,
  reply: FastifyReply,
  problem: Problem,
  retryAfterMs?: number,
): FastifyReply => {
  void reply.code(problem.status)
  // Closing while the client still sends would lose it the answer; what it sends is read and dropped instead.
  if (problem.status === 413) void reply.removeHeader('connection')
  if (problem.status === 401 && !reply.hasHeader('www-authenticate'))
    void reply.header('www-authenticate', 'Bearer')
  if (retryAfterMs !== undefined) void reply.header('retry-after', String(seconds(retryAfterMs)))
  if (!isMcpPath(request.url)) return reply.type('application/problem+json').send(JSON.stringify(problem))
  const code =
    problem.status === 400 && problem.code === 'invalid_json' ? ERROR_CODE.parse : ERROR_CODE.internal
  const data = { reason: problem.code, requestId: problem.requestId }
  return reply
    .type('application/json')
    .send(Buffer.from(encodeError({ id: null, code, message: problem.detail, data })))
}

/** A database that restarts is back in seconds. */
const DATABASE_RETRY_MS = 2000

/** After how many milliseconds the client should try again; undefined when the error does not say. */
export const retryAfterOf = (error: unknown): number | undefined => {
  if (DatabaseUnavailableError.is(error)) return DATABASE_RETRY_MS
  return UnavailableError.is(error) || RateLimitedError.is(error) ? error.retryAfterMs : undefined
}

/**
 * What a client is told of the limit that it has come to.
 *
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
 */
export const rateLimitHeadersOf = (error: unknown): Readonly<Record<string, string>> => {
  if (!RateLimitedError.is(error)) return {}
  const { policy, quota, retryAfterMs, windowMs } = error
  if (policy === undefined || quota === undefined || windowMs === undefined) return {}
  return {
    'ratelimit-policy': `"${policy}";q=${quota};w=${seconds(windowMs)}`,
    ratelimit: `"${policy}";r=0;t=${seconds(retryAfterMs)}`,
  }
}

const seconds = (milliseconds: number): number => Math.max(1, Math.ceil(milliseconds / 1000))

/** Whether the path belongs to MCP clients. */
const isMcpPath = (url: string): boolean => /^(\/t\/[^/]+)?\/mcp([/?]|$)/u.test(url)
