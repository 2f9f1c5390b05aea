import { UpstreamTransportError, type UpstreamTransportErrorReason } from '@mreg/mcp-transports'

import { UpstreamError, type UpstreamErrorReason } from './upstream-error.ts'

/** What went wrong on the way to an endpoint, in words for clients. */
export const asUpstreamError = (error: unknown): UpstreamError => {
  if (UpstreamError.is(error)) return error
  if (UpstreamTransportError.is(error)) {
    return new UpstreamError(error.reason, MESSAGES[error.reason], {
      cause: error,
      requestSent: error.requestSent,
      excess: error.excess,
    })
  }
  return new UpstreamError('internal', 'the exchange with the server failed', { cause: error })
}

/** Words for clients: they must not name an address, so the transport's own messages stay in the log. */
const MESSAGES: Readonly<Record<UpstreamTransportErrorReason, string>> = {
  invalid_url: 'the URL of the server cannot be used',
  invalid_request: 'the request cannot be sent as HTTP',
  bad_status: 'the server refused the request',
  unreachable: 'the server refuses connections',
  dns: 'the name of the server cannot be resolved',
  connect_timeout: 'the server did not accept a connection in time',
  proxy: 'the proxy on the way to the server did not connect',
  tls: 'no secure connection to the server could be made',
  headers_timeout: 'the server did not answer in time',
  idle_timeout: 'the server fell silent in the middle of its answer',
  total_timeout: 'the server did not finish its answer in time',
  truncated: 'the server ended its answer early',
  reset: 'the server broke the connection',
  queue_full: 'too many requests wait for a connection to the server',
  queue_timeout: 'no connection to the server became free in time',
  egress_denied: 'the address of the server may not be reached from here; the settings of egress decide',
  invalid_response: 'the server does not answer in HTTP',
  too_large: 'the answer of the server is larger than limits.maxReplyBytes',
  aborted: 'the request was cancelled',
  closed: 'the gateway is shutting down',
  bad_content_type:
    'the server answered with something that is neither JSON nor an event stream; check the path of its URL',
  not_a_message: 'the server answered with something that is not a JSON-RPC message',
  start_failed: 'the server could not be started; its state in the registry says why',
  start_timeout: 'the server was not ready in time after its start',
  process_exited: 'the process of the server ended before it had answered',
  not_reading: 'the process of the server does not read what it is sent',
}

/** Whether an error of a message with that method counts against the endpoint. */
export const countsAgainstEndpoint = (
  { reason, status }: UpstreamError,
  method: string | undefined,
): boolean =>
  (FAULTS.has(reason) && !(method === 'tools/call' && TIMEOUTS.has(reason))) ||
  (reason === 'upstream_status' && status !== undefined && status >= 500)

/** Whether a tool took longer than it was given. */
export const isOverrun = ({ reason }: UpstreamError, method: string | undefined): boolean =>
  method === 'tools/call' && TIMEOUTS.has(reason)

/** A tool may take longer than it was given; that says nothing about its server. */
const TIMEOUTS: ReadonlySet<UpstreamErrorReason> = new Set([
  'headers_timeout',
  'idle_timeout',
  'total_timeout',
])

/** What the endpoint did, and not we or the caller. */
const FAULTS: ReadonlySet<UpstreamErrorReason> = new Set([
  'dns',
  'unreachable',
  'connect_timeout',
  'tls',
  'reset',
  'headers_timeout',
  'invalid_response',
  'idle_timeout',
  'truncated',
  'total_timeout',
  'bad_content_type',
  'not_a_message',
  'start_failed',
  'start_timeout',
  'process_exited',
  'not_reading',
])
