import type { ServerResponse } from 'node:http'

import { answerJson, eventOf, type HttpUpstream, startHttpUpstream } from '@mreg/testing'
import { isJsonObject, type JsonObject, parseJsonObject } from '@mreg/upstream'

/** What a call does once its client has answered. */
export interface Continuation {
  readonly answer: JsonObject
  /** Says something on the stream of the call. */
  readonly say: (message: object) => void
  /** Ends the call with a result. */
  readonly end: (result: object) => void
}

/** A server of the older era with one tool, `ask`, which asks its client one thing. */
export interface AskingServer extends AsyncDisposable {
  readonly url: string
  readonly upstream: HttpUpstream
  /** How often the tool was called. */
  readonly calls: number
  /** How many calls were cancelled. */
  readonly cancelled: number
  /** What the next calls do after the answer. */
  onAnswer(then: (continuation: Continuation) => void): void
}

const INITIALIZED = {
  protocolVersion: '2025-11-25',
  capabilities: { tools: {} },
  serverInfo: { name: 'asking', version: '1' },
}

const endAtOnce = ({ end }: Continuation): void => end({ content: [] })

export const startAskingServer = async (): Promise<AskingServer> => {
  let calls = 0
  let cancelled = 0
  let then = endAtOnce
  const waiting = new Map<unknown, { readonly id: unknown; readonly stream: ServerResponse }>()
  const upstream = await startHttpUpstream(({ body, method, rpcId: id, rpcMethod }, reply) => {
    const message = parseJsonObject(Buffer.from(body)) ?? {}
    if (method !== 'POST') return void reply.writeHead(method === 'GET' ? 405 : 200).end()
    if (rpcMethod === 'initialize') {
      const headers = { 'mcp-session-id': 'one' }
      return answerJson(reply, { jsonrpc: '2.0', id, result: INITIALIZED }, { headers })
    }
    if (rpcMethod === 'tools/call') {
      calls += 1
      waiting.set(`question-${calls}`, { id, stream: reply })
      reply.writeHead(200, { 'content-type': 'text/event-stream' })
      const params = { message: 'Who?', requestedSchema: { type: 'object', properties: {} } }
      const question = { jsonrpc: '2.0', id: `question-${calls}`, method: 'elicitation/create', params }
      return void reply.write(eventOf(question))
    }
    if (rpcMethod === 'notifications/cancelled') cancelled += 1
    const call = rpcMethod === undefined ? waiting.get(id) : undefined
    reply.writeHead(202).end()
    if (call === undefined || !isJsonObject(message['result'])) return undefined
    const say = (more: object): void => void call.stream.write(eventOf({ jsonrpc: '2.0', ...more }))
    return then({
      answer: message['result'],
      say,
      end: (result) => {
        say({ id: call.id, result })
        call.stream.end()
      },
    })
  })
  return {
    url: upstream.url,
    upstream,
    get calls() {
      return calls
    },
    get cancelled() {
      return cancelled
    },
    onAnswer: (next) => {
      then = next
    },
    [Symbol.asyncDispose]: () => upstream.stop(),
  }
}
