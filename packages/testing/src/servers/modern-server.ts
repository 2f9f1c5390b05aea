import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'

import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

import type { ToolExecution } from './fixture-tools.ts'

/** An MCP server of the 2026-07-28 era (Streamable HTTP) on the official SDK, in this process. It refuses older clients. */
export interface ModernServer extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Every tool execution since the start, in order. */
  readonly executions: readonly ToolExecution[]
  /** Tools whose call was cancelled before it ended, in order. */
  readonly cancellations: readonly string[]
  /** Headers of every HTTP request since the start, in order. */
  readonly requestHeaders: readonly NodeJS.Dict<string | string[]>[]
  /** Lets all calls of the tool `hold` go, the present and the future ones. */
  release(): void
  /** Stops listening and cuts all connections. Idempotent. */
  stop(): Promise<void>
}

/** Starts a modern server with the tools `echo`, `hold` (progress, then waits until released) and `fail` (`isError`). */
export async function startModernServer(options: { readonly port?: number } = {}): Promise<ModernServer> {
  const executions: ToolExecution[] = []
  const cancellations: string[] = []
  const requestHeaders: NodeJS.Dict<string | string[]>[] = []
  const { promise: released, resolve: release } = Promise.withResolvers<void>()

  const handler = createMcpHandler(
    () => {
      const server = new McpServer({ name: 'modern', version: '1.0.0' })
      server.registerTool('echo', { inputSchema: z.object({ message: z.string() }) }, ({ message }) => {
        executions.push({ tool: 'echo', arguments: { message }, sessionId: undefined })
        return { content: [{ type: 'text', text: message }] }
      })
      server.registerTool('fail', { inputSchema: z.object({}) }, () => {
        executions.push({ tool: 'fail', arguments: {}, sessionId: undefined })
        return { isError: true, content: [{ type: 'text', text: 'failed' }] }
      })
      server.registerTool('hold', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
        executions.push({ tool: 'hold', arguments: {}, sessionId: undefined })
        const { _meta: meta } = mcpReq
        const progressToken = meta?.progressToken
        if (progressToken !== undefined) {
          const params = { progressToken, progress: 1, total: 2 }
          await mcpReq.notify({ method: 'notifications/progress', params })
        }
        const cancelled = once(mcpReq.signal, 'abort').then(() => cancellations.push('hold'))
        await Promise.race([released, cancelled])
        return { content: [{ type: 'text', text: 'released' }] }
      })
      return server
    },
    { legacy: 'reject' },
  )

  const http = createServer((request, response) => {
    requestHeaders.push(request.headers)
    serve(request, response, handler.fetch).catch(() => response.destroy())
  })
  http.listen(options.port ?? 0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')

  const stop = async (): Promise<void> => {
    release()
    await handler.close()
    if (!http.listening) return
    http.close()
    http.closeAllConnections()
    await once(http, 'close')
  }
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}/mcp`,
    executions,
    cancellations,
    requestHeaders,
    release,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Lets a handler of web requests answer a request of Node's; a client that goes away aborts it. */
async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answer: (request: Request) => Promise<Response>,
): Promise<void> {
  const gone = new AbortController()
  outgoing.once('close', () => gone.abort())
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const headers = new Headers()
  for (const [name, value] of Object.entries(incoming.headers)) headers.set(name, String(value))
  const response = await answer(
    new Request(`http://${incoming.headers.host}${incoming.url}`, {
      method: incoming.method ?? 'GET',
      headers,
      signal: gone.signal,
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    }),
  )
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  if (response.body === null) outgoing.end()
  else Readable.fromWeb(response.body).pipe(outgoing)
}
