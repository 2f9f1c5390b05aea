import type { Authenticator } from '@mreg/access'
import { type Settings, UnavailableError } from '@mreg/core'
import type { Exchange, ServerProxy } from '@mreg/proxy'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'

import type { Lifecycle } from '../../process/lifecycle.ts'
import { principalOf } from '../principal.ts'
import { writeAnswer } from '../write-answer.ts'

export interface McpRoutesOptions {
  readonly settings: Settings
  readonly authenticator: Authenticator
  readonly proxy: ServerProxy
  readonly lifecycle: Lifecycle
}

interface SlugPath {
  readonly Params: { readonly slug: string }
}

const NO_BODY = new Uint8Array(0)

/** `POST`, `GET` and `DELETE /mcp/{slug}`: one server, as MCP clients see it. */
export const mcpRoutes: FastifyPluginAsync<McpRoutesOptions> = async (app, options) => {
  const { authenticator, lifecycle, proxy, settings } = options
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
    (method: Exchange['method']) => async (request: FastifyRequest<SlugPath>, reply: FastifyReply) => {
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
        slug: request.params.slug,
        method,
        header: (name) => oneValue(request.headers[name]),
        headerNames: Object.keys(request.headers),
        body: request.body instanceof Uint8Array ? request.body : NO_BODY,
        requestId: request.id,
        // A stream without an end of its own must not keep the process from ending.
        signal: method === 'GET' ? AbortSignal.any([gone.signal, lifecycle.ending]) : gone.signal,
      }
      try {
        const answer = await proxy.handle(exchange)
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

  const path = '/:slug'
  app.post<SlugPath>(
    path,
    { schema: { tags: ['mcp'], summary: 'Send one JSON-RPC message to a server' } },
    handle('POST'),
  )
  app.get<SlugPath>(
    path,
    { schema: { tags: ['mcp'], summary: 'Open the stream on which a server speaks unasked' } },
    handle('GET'),
  )
  app.delete<SlugPath>(path, { schema: { tags: ['mcp'], summary: 'End a session' } }, handle('DELETE'))
}

const oneValue = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(', ') : value

/** What the hooks before the handler have set. */
const headersOf = (reply: FastifyReply): [string, string][] =>
  Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)])
