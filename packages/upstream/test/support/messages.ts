import { encodeNotification, encodeRequest } from '@mreg/mcp-wire'

import { type EndpointRequest, UpstreamError } from '../../src/index.ts'

export const PROTOCOL_VERSION = '2025-11-25'

const TIMEOUT_MS = 5000

/** A request for an endpoint. */
export const requestOf = (
  method: string,
  params: object = {},
  more: Partial<EndpointRequest> = {},
): EndpointRequest => ({
  message: encodeRequest({ id: 1, method, params }),
  method,
  protocolVersion: PROTOCOL_VERSION,
  timeoutMs: TIMEOUT_MS,
  ...more,
})

export const initialize: EndpointRequest = {
  message: encodeRequest({
    id: 0,
    method: 'initialize',
    params: {
      protocolVersion: PROTOCOL_VERSION,
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    },
  }),
  method: 'initialize',
  timeoutMs: TIMEOUT_MS,
}

export const initialized: EndpointRequest = {
  message: encodeNotification({ method: 'notifications/initialized' }),
  method: 'notifications/initialized',
  protocolVersion: PROTOCOL_VERSION,
  timeoutMs: TIMEOUT_MS,
}

export const callOf = (
  tool: string,
  toolArguments: object = {},
  more: Partial<EndpointRequest> = {},
): EndpointRequest => requestOf('tools/call', { name: tool, arguments: toolArguments }, more)

export const listen: EndpointRequest = {
  message: new Uint8Array(0),
  method: undefined,
  protocolVersion: PROTOCOL_VERSION,
  timeoutMs: TIMEOUT_MS,
}

/** The upstream's error that `work` rejects with; anything else fails the test. */
export const failureOf = async (work: Promise<unknown>): Promise<UpstreamError> => {
  try {
    await work
  } catch (error) {
    if (UpstreamError.is(error)) return error
    throw error
  }
  throw new Error('expected a failure, but it succeeded')
}
