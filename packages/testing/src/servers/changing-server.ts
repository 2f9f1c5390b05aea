import type { ServerResponse } from 'node:http'

import { answerJson, eventOf, startHttpUpstream } from './http-upstream.ts'

/** The definition of a tool as it stands in a list, right or wrong. */
export type ToolDefinition = Readonly<Record<string, unknown>>

export interface ChangingServerOptions {
  /** Which it speaks; it refuses the other. */
  readonly era: 'legacy' | 'modern'
  readonly tools: readonly ToolDefinition[]
}

/** A server whose tools become others while it runs, as those of a server that has turned bad. */
export interface ChangingServer extends AsyncDisposable {
  readonly url: string
  /** The names of the tools that were called, in order. */
  readonly calls: readonly string[]
  /** How many listen to what it says unasked. */
  readonly listening: number
  /** Offers these tools from now on, and says so to whoever listens. */
  offer(...tools: readonly ToolDefinition[]): void
  /** Stops listening and cuts all connections. Idempotent. */
  stop(): Promise<void>
}

const VERSIONS = { legacy: '2025-11-25', modern: '2026-07-28' } as const
const CHANGED = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' }

/** Starts one on a free port of 127.0.0.1. Its definitions go out as they are given: nothing checks them. */
export async function startChangingServer({ era, tools }: ChangingServerOptions): Promise<ChangingServer> {
  const calls: string[] = []
  const listeners = new Map<ServerResponse, object>()
  let offered = tools
  const listen = (response: ServerResponse, meta: object): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    listeners.set(response, meta)
    response.once('close', () => listeners.delete(response))
  }
  const upstream = await startHttpUpstream(
    ({ method: verb, body, rpcId: id, rpcMethod: method = '' }, response) => {
      if (verb === 'GET' && era === 'legacy') return listen(response, {})
      if (verb !== 'POST') return void response.writeHead(405).end()
      if (id === undefined) return void response.writeHead(202).end()
      const { params }: { readonly params?: Readonly<Record<string, unknown>> } = JSON.parse(body)
      const result = (more: object): void =>
        answerJson(response, { jsonrpc: '2.0', id, result: { ...(era === 'modern' ? MODERN : {}), ...more } })
      const opening = era === 'legacy' ? 'initialize' : 'server/discover'
      if (method === opening) return result(INTRODUCTION[era])
      if (method === 'tools/list') return result({ tools: offered })
      if (method === 'tools/call') {
        calls.push(String(params?.['name']))
        return result({ content: [{ type: 'text', text: `${String(params?.['name'])} was called` }] })
      }
      if (method === 'subscriptions/listen' && era === 'modern') {
        const meta = { 'io.modelcontextprotocol/subscriptionId': id }
        listen(response, { _meta: meta })
        const acknowledged = 'notifications/subscriptions/acknowledged'
        response.write(
          eventOf({
            jsonrpc: '2.0',
            method: acknowledged,
            params: { notifications: params?.['notifications'], _meta: meta },
          }),
        )
        return undefined
      }
      const error = { code: -32_601, message: 'Method not found' }
      return answerJson(response, { jsonrpc: '2.0', id, error }, { status: era === 'modern' ? 404 : 200 })
    },
  )
  const stop = (): Promise<void> => upstream.stop()
  return {
    url: upstream.url,
    calls,
    get listening() {
      return listeners.size
    },
    offer: (...next) => {
      offered = next
      for (const [response, params] of listeners) response.write(eventOf({ ...CHANGED, params }))
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

const CAPABILITIES = { tools: { listChanged: true } }
const MODERN = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' }
const INTRODUCTION = {
  legacy: {
    protocolVersion: VERSIONS.legacy,
    capabilities: CAPABILITIES,
    serverInfo: { name: 'changing', version: '1' },
  },
  modern: { supportedVersions: [VERSIONS.modern], capabilities: CAPABILITIES },
} as const
