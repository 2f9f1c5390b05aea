import { UpstreamError, type UpstreamErrorReason } from '@mreg/upstream'

/** What may be done after a failure: nothing, the same where nothing of it was sent, or once more from the beginning. */
export type Verdict = 'over' | 'unsent' | 'again'

/** The caller's own doing, or ours: it would be the same anywhere. */
const SAME_ANYWHERE: ReadonlySet<UpstreamErrorReason> = new Set(['aborted', 'closed', 'invalid_request'])

/** What an endpoint may do better the next time, or another one at once. */
const PASSING: ReadonlySet<UpstreamErrorReason> = new Set([
  'reset',
  'truncated',
  'headers_timeout',
  'idle_timeout',
  'process_exited',
])

/** What only another endpoint may do better. */
const OWN: ReadonlySet<UpstreamErrorReason> = new Set([
  'bad_content_type',
  'invalid_response',
  'not_a_message',
  'redirect',
  'rate_limited',
  'needs_login',
  'session_lost',
])

/**
 * What may be done after `error`.
 *
 * @param mayRunTwice whether the request may be executed twice.
 * @param hasOther whether another endpoint could take it.
 */
export const verdictOf = (error: unknown, mayRunTwice: boolean, hasOther: boolean): Verdict => {
  if (!UpstreamError.is(error) || SAME_ANYWHERE.has(error.reason)) return 'over'
  if (!error.requestSent) return hasOther ? 'unsent' : 'over'
  if (!mayRunTwice) return 'over'
  if (PASSING.has(error.reason)) return 'again'
  if (error.reason === 'upstream_status') return hasOther || isOverload(error) ? 'again' : 'over'
  return hasOther && OWN.has(error.reason) ? 'again' : 'over'
}

/** Something on the way says that the server is away for a moment; not when it says for how long. */
const isOverload = ({ retryAfterMs, status }: UpstreamError): boolean =>
  retryAfterMs === undefined && (status === 502 || status === 503 || status === 504)
