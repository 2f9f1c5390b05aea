import { UpstreamError, type UpstreamErrorReason } from '@mreg/upstream'

/** The server could not be reached, broke off, or said nothing that is an answer. */
const REPLACEABLE: ReadonlySet<UpstreamErrorReason> = new Set([
  'circuit_open',
  'unreachable',
  'dns',
  'connect_timeout',
  'proxy',
  'tls',
  'headers_timeout',
  'idle_timeout',
  'total_timeout',
  'truncated',
  'reset',
  'queue_full',
  'queue_timeout',
  'invalid_response',
  'bad_content_type',
  'not_a_message',
  'session_lost',
  'start_failed',
  'start_timeout',
  'process_exited',
  'not_reading',
  'starting',
  'restart_pending',
  'too_many_processes',
])

/**
 * Whether an older answer may stand in for a failure. Not for one that says "no": a server that wants other credentials, that
 * refuses, or that may not be reached from here.
 */
export const isReplaceable = (failure: unknown): failure is UpstreamError => {
  if (!UpstreamError.is(failure)) return false
  const { reason, status } = failure
  return reason === 'upstream_status' ? status !== undefined && status >= 500 : REPLACEABLE.has(reason)
}
