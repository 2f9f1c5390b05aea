import type { AccessControl, Authenticator, RequestLimits } from '@mreg/access'
import { type Principal, type Settings, UnavailableError, ValidationError } from '@mreg/core'
import type { ActiveRequests, Exchange, MergedProxy, ServerProxy } from '@mreg/proxy'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'

import type { Lifecycle } from '../../process/lifecycle.ts'
import { callers, identify, principalOf } from '../principal.ts'
import { writeAnswer } from '../write-answer.ts'

export interface McpRoutesOptions {
  readonly settings: Settings
  readonly authenticator: Authenticator
  readonly access: AccessControl
  readonly limits: RequestLimits
  readonly proxy: ServerProxy
  readonly merged: MergedProxy
  readonly lifecycle: Lifecycle
  /** Where requests are written down while they are answered. */
  readonly requests: ActiveRequests
}

interface McpPath {
  readonly Params: { readonly slug?: string; readonly set?: string }
}

const NO_BODY = new Uint8Array(0)

/** `POST`, `GET` and `DELETE`: `/mcp/{slug}`, one server as it is; `/mcp`, all of them as one; `/mcp/sets/{set}`, a toolset. */
export const mcpRoutes: FastifyPluginAsync<McpRoutesOptions> = async (app, options) => {
  const { access, authenticator, lifecycle, limits, merged, proxy, requests, settings } = options
  const { maxInFlightRequests } = settings.limits

  // The body stays bytes: it is scanned once and passed on, never parsed and written anew.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )

  app.addHook('onRequest', async (request) => {
    if (lifecycle.ending.aborted)
      throw new UnavailableError('shutting_down', 'the gateway is shutting down', { retryAfterMs: 1000 })
    if (lifecycle.inFlight >= maxInFlightRequests) {
      throw new UnavailableError(
        'overloaded',
        'the gateway handles as many requests as limits.maxInFlightRequests allows',
        { retryAfterMs: 1000 },
      )
    }
    // Before the body is read: who is not let in, or sends too much, gets no work done.
    const principal = await identify(request, 'mcp', authenticator)
    callers.set(request, principal)
    limits.admit(principal)
  })

  /** A stream without an end of its own must outlive neither the process nor what let its reader in. */
  const endsOf = (principal: Principal, slug: string | undefined): readonly AbortSignal[] => {
    // What is heard of all servers follows what may be heard; the stream of one is its own.
    const ends = [authenticator.endOf(principal), slug === undefined ? undefined : access.endOf(principal)]
    return [lifecycle.ending, ...ends.filter((end) => end !== undefined)]
  }

  const handle =
    (method: Exchange['method']) => async (request: FastifyRequest<McpPath>, reply: FastifyReply) => {
      const principal = principalOf(request)
      const toolMode = request.params.slug === undefined ? toolModeIn(request.query) : undefined
      limits.enter(principal)
      const gone = new AbortController()
      const response = reply.raw
      const done = lifecycle.begin()
      response.once('close', () => {
        // Every response closes; only one that closes early has lost its client.
        if (!response.writableFinished) gone.abort()
      })
      const active = requests.begin({
        id: request.id,
        principal,
        server: request.params.slug,
        method,
        controller: gone,
      })
      const exchange: Exchange = {
        principal,
        slug: request.params.slug ?? 'mreg',
        toolset: request.params.set,
        toolMode,
        method,
        header: (name) => oneValue(request.headers[name]),
        headerNames: Object.keys(request.headers),
        body: request.body instanceof Uint8Array ? request.body : NO_BODY,
        requestId: request.id,
        signal: isEndless(method, request)
          ? AbortSignal.any([gone.signal, ...endsOf(principal, request.params.slug)])
          : gone.signal,
        active,
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
        requests.end(active)
        limits.leave(principal)
        done()
      }
    }

  for (const [path, whom] of [
    ['/:slug', 'a server'],
    ['', 'all servers as one'],
    ['/sets/:set', 'a toolset'],
  ] as const) {
    app.post<McpPath>(path, summary(`Send one JSON-RPC message to ${whom}`), handle('POST'))
    app.get<McpPath>(path, summary(`Open the stream on which ${whom} speaks unasked`), handle('GET'))
    app.delete<McpPath>(path, summary(`End a session with ${whom}`), handle('DELETE'))
  }
}

/** How tools are offered: `?mode=search`, or as a list. */
const toolModeIn = (query: unknown): Exchange['toolMode'] => {
  const mode = typeof query === 'object' && query !== null && 'mode' in query ? query.mode : undefined
  if (mode === undefined || mode === 'search') return mode
  throw new ValidationError([{ path: 'mode', message: 'must be "search", or be left out' }])
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
