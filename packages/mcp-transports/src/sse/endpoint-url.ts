import { UpstreamTransportError } from '../upstream-transport-error.ts'

/**
 * The address that an `endpoint` event names, for messages to the server (2024-11-05, transports, HTTP with SSE).
 *
 * @throws {UpstreamTransportError} `invalid_response` when it is none, or not on the server that was asked: credentials go there.
 */
export const endpointUrl = (data: string, streamUrl: URL): URL => {
  const url = URL.canParse(data, streamUrl.href) ? new URL(data, streamUrl) : undefined
  if (url !== undefined && url.origin === streamUrl.origin && url.username === '' && url.password === '') {
    url.hash = ''
    return url
  }
  throw new UpstreamTransportError(`${streamUrl.origin} names an endpoint that is no address of its own`, {
    reason: 'invalid_response',
    requestSent: true,
  })
}
