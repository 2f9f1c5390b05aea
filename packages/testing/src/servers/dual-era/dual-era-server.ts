import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import {
  createMcpHandler,
  hostHeaderValidationResponse,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
} from '@modelcontextprotocol/server'

import type { Announcement } from './feature.ts'
import { type FeatureExecution, Features } from './features.ts'
import { LegacyHttp } from './legacy-http.ts'
import { LegacySse } from './legacy-sse.ts'
import { ModernSide } from './modern-side.ts'
import { readBody, toWebRequest, writeWebResponse } from './web-request.ts'

/** What a dual-era server speaks. */
export interface DualEraServerOptions {
  /** Port on 127.0.0.1. Default: a free one. */
  readonly port?: number | undefined
  /** Streamable HTTP of 2025-11-25 and older: with sessions (default), without, or not at all. */
  readonly legacy?: 'stateful' | 'stateless' | 'none' | undefined
  /** Whether it speaks 2026-07-28, on the same URL. Default true. */
  readonly modern?: boolean | undefined
  /** Legacy: whether streams have ids and can be resumed (sessions only). Default true. */
  readonly resumable?: boolean | undefined
  /** Legacy: answers with JSON where it could answer with a stream. Default false. */
  readonly jsonResponses?: boolean | undefined
}

/** An MCP server with everything that the protocol has, in both eras, in this process. */
export interface DualEraServer extends AsyncDisposable {
  readonly port: number
  /** Streamable HTTP. */
  readonly url: string
  /** HTTP+SSE (2024-11-05). */
  readonly sseUrl: string
  /** Every tool execution since the start, in order. */
  readonly executions: readonly FeatureExecution[]
  /** Method, path and headers of every HTTP request since the start, in order. */
  readonly requests: readonly {
    readonly method: string
    readonly path: string
    readonly headers: NodeJS.Dict<string | string[]>
  }[]
  /** Ids of the legacy sessions that are open. */
  readonly sessionIds: readonly string[]
  /** How many HTTP+SSE streams are open. */
  readonly sseConnections: number
  /** Tells all clients that a list or a resource has changed. */
  announce(announcement: Announcement): Promise<void>
  /** Forgets all legacy sessions and breaks all HTTP+SSE streams off, as a restart does. */
  forgetSessions(): Promise<void>
  /** Stops listening and cuts all connections. Idempotent. */
  stop(): Promise<void>
}

/**
 * Starts one on the official SDKs: version 1 for the legacy era, version 2 for the modern one. It covers every server
 * scenario of the official conformance suite, tasks and skills included, and has tools besides: vendor fields, unknown
 * content, elicitation by form and URL, sampling, roots, slow and silent calls, changes on demand.
 * @throws Error when the port is taken
 */
export async function startDualEraServer(options: DualEraServerOptions = {}): Promise<DualEraServer> {
  const { legacy = 'stateful', modern = true, resumable = true, jsonResponses = false } = options
  const features = new Features()
  const requests: { method: string; path: string; headers: NodeJS.Dict<string | string[]> }[] = []

  const announce = async (announcement: Announcement): Promise<void> => {
    if (announcement.kind === 'tools') modernHandler.notify.toolsChanged()
    if (announcement.kind === 'prompts') modernHandler.notify.promptsChanged()
    if (announcement.kind === 'resources') modernHandler.notify.resourcesChanged()
    if (announcement.kind === 'updated') modernHandler.notify.resourceUpdated(announcement.uri)
    await Promise.all([legacyHttp.hear(announcement), sse.hear(announcement)])
  }
  const announceSoon = (announcement: Announcement): void => {
    // A client that has just gone is told nothing.
    announce(announcement).catch(() => undefined)
  }
  const modernHandler = createMcpHandler(
    ({ requestInfo }) =>
      new ModernSide(features, announceSoon, requestInfo?.headers.get('mcp-method')?.trim() ?? ''),
    { legacy: 'reject' },
  )
  const legacyHttp = new LegacyHttp(features, announceSoon, {
    stateless: legacy === 'stateless',
    jsonResponses,
    resumable,
  })
  const sse = new LegacySse(features, announceSoon)

  const answerMcp = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request)
    const webRequest = toWebRequest(request, response, body)
    const refusal =
      hostHeaderValidationResponse(webRequest, localhostAllowedHostnames()) ??
      originValidationResponse(webRequest, localhostAllowedOrigins())
    if (refusal !== undefined) return writeWebResponse(refusal, response)
    const parsed = parse(body)
    const isLegacy = !modern || (await isLegacyRequest(webRequest.clone(), parsed))
    if (isLegacy && legacy !== 'none') return legacyHttp.handle(request, response, parsed)
    writeWebResponse(await modernHandler.fetch(webRequest, { parsedBody: parsed }), response)
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname: path } = new URL(request.url ?? '/', 'http://localhost')
    const method = request.method ?? ''
    requests.push({ method, path, headers: request.headers })
    if (path === '/mcp') return answerMcp(request, response)
    if (path === '/sse' && method === 'GET') return sse.open(response)
    if (path === '/messages' && method === 'POST') {
      return sse.post(request, response, parse(await readBody(request)))
    }
    response.writeHead(path === '/sse' || path === '/messages' ? 405 : 404).end()
  }

  const http = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500)
      response.end(String(error))
    })
  })
  http.listen(options.port ?? 0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  const origin = `http://127.0.0.1:${address.port}`

  const forgetSessions = async (): Promise<void> => {
    await Promise.all([legacyHttp.forgetSessions(), sse.disconnect()])
  }
  const stop = async (): Promise<void> => {
    features.tasks.close()
    await forgetSessions()
    await modernHandler.close()
    if (!http.listening) return
    http.close()
    http.closeAllConnections()
    await once(http, 'close')
  }
  return {
    port: address.port,
    url: `${origin}/mcp`,
    sseUrl: `${origin}/sse`,
    executions: features.executions,
    requests,
    get sessionIds() {
      return legacyHttp.sessionIds
    },
    get sseConnections() {
      return sse.connections
    },
    announce,
    forgetSessions,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

const parse = (body: Buffer): unknown => {
  try {
    return body.length === 0 ? undefined : JSON.parse(body.toString())
  } catch {
    return undefined
  }
}
