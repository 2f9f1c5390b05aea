import type { Permit } from '@mreg/circuit-breaker'
import type { UpstreamReply } from '@mreg/mcp-transports'

import type { EndpointRequest } from '../endpoint-request.ts'
import { UpstreamError } from '../upstream-error.ts'
import type { EndpointCircuit } from './circuits.ts'

/** One request under way. */
export interface Call {
  readonly circuit: EndpointCircuit
  readonly permit: Permit
  readonly request: EndpointRequest
}

/** Nothing was learnt of the endpoint. */
export const release = ({ permit, request }: Call): void => {
  permit.release()
  request.lease?.release()
}

/** Nothing was sent. */
export const refused = ({ lease }: EndpointRequest, error: UpstreamError): UpstreamError => {
  lease?.release()
  return error
}

export const openError = (retryAfterMs: number): UpstreamError =>
  new UpstreamError('circuit_open', 'the server failed repeatedly and is not tried at the moment', {
    retryAfterMs: Math.ceil(retryAfterMs),
    requestSent: false,
  })

export const pacedError = (retryAfterMs: number): UpstreamError =>
  new UpstreamError('rate_limited', 'the server asks to be called less often', {
    retryAfterMs: Math.ceil(retryAfterMs),
    requestSent: false,
  })

/** Whether a reply is the answer that is awaited, where one is. */
export const isAnswer = (reply: UpstreamReply, { examine }: EndpointRequest): boolean =>
  examine === undefined || (reply.kind === 'message' && examine(reply.message))

export const notAnswered = (): UpstreamError =>
  new UpstreamError('not_a_message', 'the server did not answer the request that it was sent')

export const truncated = (): UpstreamError =>
  new UpstreamError('truncated', 'the server ended its answer before it was complete')
