import { encodeNotification, encodeRequest } from '@mreg/mcp-wire'

import type { UpstreamEvent, UpstreamReply, UpstreamStreamReply } from '../../src/index.ts'

export const PROTOCOL_VERSION = '2025-11-25'

export const initialize = encodeRequest({
  id: 1,
  method: 'initialize',
  params: { protocolVersion: PROTOCOL_VERSION, capabilities: {}, clientInfo: { name: 'test', version: '1' } },
})
export const initialized = encodeNotification({ method: 'notifications/initialized' })
export const ping = encodeRequest({ id: 7, method: 'ping' })

export function callTool(
  id: number,
  name: string,
  toolArguments: object,
  progressToken?: string,
): Uint8Array {
  const meta = progressToken === undefined ? {} : { _meta: { progressToken } }
  return encodeRequest({ id, method: 'tools/call', params: { name, arguments: toolArguments, ...meta } })
}

/** A message as JSON. */
export function parse(message: Uint8Array): unknown {
  return JSON.parse(Buffer.from(message).toString('utf8'))
}

/** The reply, which must be a stream. */
export function asStream(reply: UpstreamReply): UpstreamStreamReply {
  if (reply.kind !== 'stream') throw new Error(`expected a stream, got ${reply.kind}`)
  return reply
}

/** Every message of a stream, as JSON. */
export async function collect(messages: AsyncIterable<UpstreamEvent>): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const { message } of messages) all.push(parse(message))
  return all
}

/** The message of a reply: the whole of a JSON answer, or the last one of a stream. */
export async function answerOf(reply: UpstreamReply): Promise<unknown> {
  if (reply.kind === 'message') return parse(reply.message)
  return (await collect(asStream(reply).messages)).at(-1)
}
