import { answerJson, type HttpUpstream, type HttpUpstreamHandler, startHttpUpstream } from '@mreg/testing'
import { isJsonObject, type JsonObject, parseJsonObject } from '@mreg/upstream'

/** How a replica answers what it has read. */
export type ReplicaMood = 'well' | 'resets' | 'lies' | 'web page' | 'silent' | HttpUpstreamHandler

/** One of several endpoints of a server, which keeps a ledger of what it has executed and misbehaves on demand. */
export interface ReplicaServer extends AsyncDisposable {
  readonly url: string
  readonly upstream: HttpUpstream
  /** The nonces of the calls that it has executed, in order. */
  readonly executions: readonly string[]
  /** The sessions that it knows. */
  readonly sessions: ReadonlySet<string>
  /** How many requests of that method it has read. */
  asked(method: string): number
  /** Answers so from now on; anything but `well` comes after a call was executed. Sessions are opened all the same. */
  be(mood: ReplicaMood): void
  stop(): Promise<void>
}

/** Starts one that speaks one era. Its tool `look` is read-only, by its own word. */
export const startReplica = async (era: 'legacy' | 'modern', name = 'replica'): Promise<ReplicaServer> => {
  const executions: string[] = []
  const sessions = new Set<string>()
  let mood: ReplicaMood = 'well'

  const resultOf = (method: string | undefined, params: JsonObject): JsonObject => {
    const result = RESULTS[method ?? ''] ?? {}
    if (method === 'initialize' || method === 'server/discover')
      return { ...result, serverInfo: { name, version: '1' } }
    const { arguments: given } = params
    const nonce = isJsonObject(given) ? String(given['nonce']) : name
    if (method === 'tools/call') executions.push(nonce)
    return method === 'tools/call' ? { content: [{ type: 'text', text: nonce }] } : result
  }
  const handler: HttpUpstreamHandler = (request, response) => {
    const { body, headers, rpcId, rpcMethod } = request
    const params = parseJsonObject(Buffer.from(body))?.['params']
    if (rpcId === undefined) {
      response.writeHead(rpcMethod === undefined ? 405 : 202).end()
      return
    }
    if (era === 'legacy' && rpcMethod === 'server/discover') {
      answerError(response, rpcId, 400)
      return
    }
    const session = headers['mcp-session-id']
    if (era === 'legacy' && rpcMethod !== 'initialize' && !sessions.has(String(session))) {
      answerError(response, rpcId, 404)
      return
    }
    if (era === 'modern' && rpcMethod === 'initialize') {
      answerError(response, rpcId, 400, -32_022)
      return
    }
    const id = `${name}-${sessions.size + 1}`
    const isOpening = rpcMethod === 'initialize'
    if (isOpening) sessions.add(id)
    const result = resultOf(rpcMethod, isJsonObject(params) ? params : {})
    const answer = {
      jsonrpc: '2.0',
      id: mood === 'lies' && !isOpening ? 'another' : rpcId,
      result: { resultType: 'complete', ...result },
    }
    if (isOpening || mood === 'well' || mood === 'lies')
      answerJson(response, answer, isOpening ? { headers: { 'mcp-session-id': id } } : {})
    else if (mood === 'resets') response.destroy()
    else if (mood === 'web page')
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>canary</p>')
    else if (typeof mood === 'function') mood(request, response)
  }
  const upstream = await startHttpUpstream(handler)
  return {
    url: upstream.url,
    upstream,
    executions,
    sessions,
    asked: (method) => upstream.requests.filter(({ rpcMethod }) => rpcMethod === method).length,
    be: (next) => {
      mood = next
    },
    stop: () => upstream.stop(),
    [Symbol.asyncDispose]: () => upstream.stop(),
  }
}

const answerError = (
  response: Parameters<HttpUpstreamHandler>[1],
  id: unknown,
  status: number,
  code = -32_600,
): void => answerJson(response, { jsonrpc: '2.0', id, error: { code, message: 'no' } }, { status })

const TOOLS = [
  { name: 'pay', inputSchema: { type: 'object' } },
  { name: 'look', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
]

const RESULTS: Readonly<Record<string, JsonObject>> = {
  initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} } },
  'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } },
  'tools/list': { tools: TOOLS, ttlMs: 0, cacheScope: 'private' },
}
