import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

import { createFixtureMcpServer, type ToolExecution } from './fixture-tools.ts'

/** How a fixture server behaves. */
export interface FixtureServerOptions {
  /** Port on 127.0.0.1. Default: a free one. */
  readonly port?: number | undefined
  /** Its name, in `serverInfo` and in the greeting resource. Default `fixture`. */
  readonly name?: string | undefined
  /** True: no sessions, every request stands alone. Default false. */
  readonly stateless?: boolean | undefined
  /** True: answers with `application/json` where it could answer with a stream. Default false. */
  readonly jsonResponses?: boolean | undefined
  /**
   * Status for a session that the server does not know: 404 as the specification says (default), or 400 as some
   * servers answer.
   */
  readonly unknownSessionStatus?: 400 | 404 | undefined
}

/** A legacy MCP server (2025 era, Streamable HTTP) on the official SDK, in this process. */
export interface FixtureServer extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Every tool execution since the start, in order. */
  readonly executions: readonly ToolExecution[]
  /** Headers of every HTTP request since the start, in order. */
  readonly requestHeaders: readonly NodeJS.Dict<string | string[]>[]
  /** Ids of the sessions that are open now. */
  readonly sessionIds: readonly string[]
  /** How many sessions were opened since the start. */
  readonly sessionsOpened: number
  /** Lets all calls of the tool `hold` go, the present and the future ones. */
  release(): void
  /** Says `notifications/tools/list_changed` unasked, in every session; clients with an open GET stream hear it. */
  announce(): Promise<void>
  /** Forgets all sessions, as a restart does; clients that name one are told that it is unknown. */
  forgetSessions(): Promise<void>
  /** Stops listening and cuts all connections. Idempotent. */
  stop(): Promise<void>
}

/**
 * Starts a fixture server with the tools `echo`, `count` (slow, with progress), `hold` (until released) and `fail`
 * (`isError`), a resource and a prompt.
 * @throws Error when the port is taken
 */
export async function startFixtureServer(options: FixtureServerOptions = {}): Promise<FixtureServer> {
  const { name = 'fixture', stateless = false, jsonResponses = false, unknownSessionStatus = 404 } = options
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const servers = new WeakMap<StreamableHTTPServerTransport, McpServer>()
  const executions: ToolExecution[] = []
  const requestHeaders: NodeJS.Dict<string | string[]>[] = []
  let sessionsOpened = 0
  const { promise: released, resolve: release } = Promise.withResolvers<void>()

  const openTransport = async (): Promise<StreamableHTTPServerTransport> => {
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      enableJsonResponse: jsonResponses,
      ...(stateless
        ? {}
        : {
            sessionIdGenerator: randomUUID,
            onsessioninitialized: (sessionId: string) => {
              sessionsOpened += 1
              sessions.set(sessionId, transport)
            },
            onsessionclosed: (sessionId: string) => void sessions.delete(sessionId),
          }),
    })
    const server = createFixtureMcpServer(name, {
      record: (execution) => void executions.push(execution),
      released: () => released,
    })
    servers.set(transport, server)
    await server.connect(transport)
    return transport
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requestHeaders.push(request.headers)
    const sessionId = request.headers['mcp-session-id']
    const known = typeof sessionId === 'string' ? sessions.get(sessionId) : undefined
    if (sessionId !== undefined && known === undefined && !stateless) {
      const error = { code: -32_001, message: 'Session not found' }
      response.writeHead(unknownSessionStatus, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }))
      return
    }
    const transport = known ?? (await openTransport())
    if (known === undefined) {
      response.once('close', () => {
        // A transport without a session serves this one request only.
        if (transport.sessionId === undefined) void transport.close()
      })
    }
    await transport.handleRequest(request, response)
  }

  const http = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500)
      response.end(String(error))
    })
  })
  const port = await listen(http, options.port ?? 0)

  const forgetSessions = async (): Promise<void> => {
    const transports = [...sessions.values()]
    sessions.clear()
    await Promise.all(transports.map((transport) => transport.close()))
  }
  const announce = async (): Promise<void> => {
    for (const transport of sessions.values()) await servers.get(transport)?.server.sendToolListChanged()
  }
  const stop = async (): Promise<void> => {
    release()
    await forgetSessions()
    if (!http.listening) return
    http.close()
    http.closeAllConnections()
    await once(http, 'close')
  }
  return {
    port,
    url: `http://127.0.0.1:${port}/mcp`,
    executions,
    requestHeaders,
    get sessionIds() {
      return [...sessions.keys()]
    },
    get sessionsOpened() {
      return sessionsOpened
    },
    release,
    announce,
    forgetSessions,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  return address.port
}
