import type { UpstreamReply, UpstreamRequestOptions, UpstreamTransport } from '@mreg/mcp-transports'

import type { CredentialSource } from './credential-source.ts'
import type { EndpointTarget } from './endpoint-target.ts'

/**
 * The same transport, which gets new credentials when the server refuses those that it was sent (401), and then asks once
 * more: a request that is refused for its credentials has not been executed.
 */
export const withRenewal = (
  transport: UpstreamTransport,
  target: EndpointTarget,
  credentials: CredentialSource,
): UpstreamTransport => {
  const renewing = async <Request extends UpstreamRequestOptions>(
    request: Request,
    exchange: (request: Request) => Promise<UpstreamReply>,
  ): Promise<UpstreamReply> => {
    const reply = await exchange(request)
    if (reply.kind !== 'refused' || reply.status !== 401 || credentials.renew === undefined) return reply
    const sent = request.headers ?? []
    if (!(await credentials.renew(target, sent, request.principalId))) return reply
    const renewed = credentials.headersFor(target, request.principalId)
    const names = new Set(renewed.map(([name]) => name.toLowerCase()))
    const others = sent.filter(([name]) => !names.has(name.toLowerCase()))
    return exchange({ ...request, headers: [...others, ...renewed] })
  }
  return {
    kind: transport.kind,
    send: (request) => renewing(request, (each) => transport.send(each)),
    listen: (request) => renewing(request, (each) => transport.listen(each)),
    endSession: (request) => transport.endSession(request),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  }
}
