import type { Authenticator } from '@mreg/access'
import { type Settings, UnavailableError } from '@mreg/core'
import type { Exchange, MergedProxy, ServerProxy } from '@mreg/proxy'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'

import type { Lifecycle } from '../../process/lifecycle.ts'
import { principalOf } from '../principal.ts'
import { writeAnswer } from '../write-answer.ts'

export interface McpRoutesOptions {
  readonly settings: Settings
  readonly authenticator: Authenticator
  readonly proxy: ServerProxy
  readonly merged: MergedProxy
  readonly lifecycle: Lifecycle
}

interface McpPath {
  readonly Params: { readonly slug?: string }
}

const NO_BODY = new Uint8Array(0)

/** `POST`, `GET` and `DELETE`: `/mcp/{slug}`, one server as it is, and `/mcp`, all of them as one. */
export const mcpRoutes: FastifyPluginAsync<McpRoutesOptions> = async (app, options) => {
  const { authenticator, lifecycle, merged, proxy, settings } = options
  const { maxInFlightRequests } = settings.limits

  // The body stays bytes: it is scanned once and passed on, never parsed and written anew.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )

  app.addHook('onRequest', async () => {
    if (lifecycle.ending.aborted)
      throw new UnavailableError('shutting_down', 'the gateway is shutting down', { retryAfterMs: 1000 })
    if (lifecycle.inFlight >= maxInFlightRequests) {
      throw new UnavailableError(
        'overloaded',
        'the gateway handles as many requests as limits.maxInFlightRequests allows',
        { retryAfterMs: 1000 },
      )
    }
  })

  const handle =
    (method: Exchange['method']) => async (request: FastifyRequest<McpPath>, reply: FastifyReply) => {
      const principal = principalOf(request, 'mcp', authenticator)
      const gone = new AbortController()
      const response = reply.raw
      const done = lifecycle.begin()
      response.once('close', () => {
        // Every response closes; only one that closes early has lost its client.
        if (!response.writableFinished) gone.abort()
      })
      const exchange: Exchange = {
        principal,
        slug: request.params.slug ?? 'mreg',
        method,
        header: (name) => oneValue(request.headers[name]),
        headerNames: Object.keys(request.headers),
        body: request.body instanceof Uint8Array ? request.body : NO_BODY,
        requestId: request.id,
        // A stream without an end of its own must not keep the process from ending.
        signal: isEndless(method, request) ? AbortSignal.any([gone.signal, lifecycle.ending]) : gone.signal,
      }
      try {
        const answer = await (request.params.slug === undefined ? merged : proxy).handle(exchange)
        void reply.hijack()
        await writeAnswer(response, answer, headersOf(reply))
      } catch (error) {
        // Once the reply is in our hands there is no other way to say that the answer will not be complete.
        if (reply.sent) response.destroy()
        throw error
      } finally {
        done()
      }
    }

  for (const [path, whom] of [
    ['/:slug', 'a server'],
    ['', 'all servers as one'],
  ] as const) {
    app.post<McpPath>(path, summary(`Send one JSON-RPC message to ${whom}`), handle('POST'))
    app.get<McpPath>(path, summary(`Open the stream on which ${whom} speaks unasked`), handle('GET'))
    app.delete<McpPath>(path, summary(`End a session with ${whom}`), handle('DELETE'))
  }
}

const summary = (text: string) => ({ schema: { tags: ['mcp'], summary: text } })

/** Whether the answer goes on until its client goes. The header is held against the body before anything is answered. */
const isEndless = (method: Exchange['method'], { headers }: FastifyRequest<McpPath>): boolean =>
  method === 'GET' || headers['mcp-method'] === 'subscriptions/listen'

const oneValue = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(', ') : value

/** What the hooks before the handler have set. */
const headersOf = (reply: FastifyReply): [string, string][] =>
  Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)])
