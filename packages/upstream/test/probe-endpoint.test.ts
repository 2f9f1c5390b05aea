import type { EndpointProbe } from '@mreg/core'
import {
  answerJson,
  freePort,
  httpResponse,
  type HttpUpstream,
  type HttpUpstreamHandler,
  type ReceivedRequest,
  startEverythingServer,
  startFaultProxy,
  startFixtureServer,
  startHttpUpstream,
  startModernServer,
  startScriptedUpstream,
} from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { probeEndpoint, type ProbeOptions, type UpstreamEndpoint } from '../src/index.ts'
import { failureOf, requestOf } from './support/messages.ts'
import { openUpstream } from './support/open-upstream.ts'

const probe = (endpoint: UpstreamEndpoint, more: Partial<ProbeOptions> = {}): Promise<EndpointProbe> =>
  probeEndpoint(endpoint, { timeoutMs: 5000, clientInfo: { name: 'mreg', version: '1.2.3' }, ...more })

const HEALTHY = { status: 'healthy', message: undefined }

describe('a probe finds healthy', () => {
  test('a server with sessions, and leaves none behind', async () => {
    await using server = await startFixtureServer()
    await using open = openUpstream(server.url)
    expect(await probe(open.endpoint)).toEqual({
      endpointId: open.target.endpoint.id,
      ...HEALTHY,
      era: 'legacy',
      latencyMs: expect.any(Number),
      probedAt: expect.any(Date),
    })
    expect(server.sessionsOpened).toBe(1)
    expect(server.sessionIds).toEqual([])
  })

  test.each([{ stateless: true }, { jsonResponses: true }, { stateless: true, jsonResponses: true }])(
    'a server with %j',
    async (options) => {
      await using server = await startFixtureServer(options)
      await using open = openUpstream(server.url)
      expect(await probe(open.endpoint)).toMatchObject({ ...HEALTHY, era: 'legacy' })
      expect(server.sessionIds).toEqual([])
    },
  )

  test('a server of the 2026-07-28 era, with one request', async () => {
    await using server = await startModernServer()
    await using open = openUpstream(server.url)
    expect(await probe(open.endpoint)).toMatchObject({ ...HEALTHY, era: 'modern' })
    expect(server.requestHeaders).toHaveLength(1)
  })

  test.each(['wallMs', 'monotonicMs'] as const)(
    'a server whose first answer was slept through, by %s',
    async (clock) => {
      let asked = 0
      await using upstream = await startHttpUpstream(({ rpcId }, response) => {
        asked += 1
        if (asked === 1) response.destroy()
        else
          answerJson(response, { jsonrpc: '2.0', id: rpcId, result: { supportedVersions: ['2026-07-28'] } })
      })
      await using open = openUpstream(upstream.url)
      // The first look is before the sleep.
      const times = [0]
      const now = (): { wallMs: number; monotonicMs: number } => ({
        wallMs: 0,
        monotonicMs: 0,
        [clock]: times.shift() ?? 60_000,
      })
      expect(await probe(open.endpoint, { now })).toMatchObject({ ...HEALTHY, era: 'modern' })
      expect(asked).toBe(2)
    },
  )

  test('server-everything', { timeout: 60_000 }, async () => {
    await using server = await startEverythingServer()
    await using open = openUpstream(server.url)
    expect(await probe(open.endpoint)).toMatchObject({ ...HEALTHY, era: 'legacy' })
  })

  test.each([400, 405, 500])('a server that answers %i when the session is ended', async (status) => {
    await using upstream = await startHttpUpstream(({ method, rpcMethod, rpcId }, response) => {
      if (method === 'DELETE') response.writeHead(status).end()
      else if (rpcMethod !== 'initialize') response.writeHead(400).end()
      else {
        const result = {
          protocolVersion: '2025-11-25',
          capabilities: {},
          serverInfo: { name: 'x', version: '1' },
        }
        answerJson(response, { jsonrpc: '2.0', id: rpcId, result }, { headers: { 'mcp-session-id': 's' } })
      }
    })
    await using open = openUpstream(upstream.url)
    expect(await probe(open.endpoint)).toMatchObject({ ...HEALTHY, era: 'legacy' })
    expect(upstream.requests.map(({ method }) => method)).toEqual(['POST', 'POST', 'DELETE'])
  })

  test('an older server that answers every method with some result', async () => {
    await using upstream = await startHttpUpstream(({ rpcId }, response) =>
      answerJson(response, { jsonrpc: '2.0', id: rpcId, result: {} }),
    )
    await using open = openUpstream(upstream.url)
    expect(await probe(open.endpoint)).toMatchObject({ ...HEALTHY, era: 'legacy' })
  })

  test('a modern server that knows another version only', async () => {
    await using upstream = await startHttpUpstream(({ rpcId }, response) => {
      const data = { supported: ['2030-01-01'], requested: '2026-07-28' }
      const error = { code: -32_022, message: 'Unsupported protocol version', data }
      answerJson(response, { jsonrpc: '2.0', id: rpcId, error }, { status: 400 })
    })
    await using open = openUpstream(upstream.url)
    expect(await probe(open.endpoint)).toMatchObject({ ...HEALTHY, era: 'modern' })
  })

  test('a server whose circuit is open, and closes it', async () => {
    await using upstream = await startHttpUpstream((_request, response) => response.writeHead(500).end())
    await using open = openUpstream(upstream.url)
    for (let call = 1; call <= 3; call += 1) await failureOf(open.endpoint.send(requestOf('tools/list')))
    expect(open.endpoint.breaker.state).toBe('open')
    expect(await probe(open.endpoint)).toMatchObject({ status: 'unhealthy' })
    expect(open.endpoint.breaker.state).toBe('open')
    upstream.answer(({ rpcId }, response) => answerJson(response, { jsonrpc: '2.0', id: rpcId, result: {} }))
    expect(await probe(open.endpoint)).toMatchObject(HEALTHY)
    expect(open.endpoint.breaker.state).toBe('closed')
    await open.endpoint.send(requestOf('tools/list'))
  })
})

const methodsOf = ({ requests }: { readonly requests: readonly ReceivedRequest[] }): readonly string[] =>
  requests.map(({ method, rpcMethod }) => rpcMethod ?? method)

/** Knows the sessions that it has opened until it forgets them. */
const startServer = async (onPing = {}) => {
  let sessions = 0
  let known = new Set<string>()
  const upstream = await startHttpUpstream(({ headers, method, rpcId: id, rpcMethod }, response) => {
    const session = String(headers['mcp-session-id'])
    if (rpcMethod === 'initialize') {
      sessions += 1
      known.add(`session-${sessions}`)
      const result = { protocolVersion: '2025-06-18', capabilities: {} }
      return answerJson(
        response,
        { jsonrpc: '2.0', id, result },
        { headers: { 'mcp-session-id': `session-${sessions}` } },
      )
    }
    if (!known.has(session)) return void response.writeHead(rpcMethod === 'ping' ? 404 : 400).end()
    if (method === 'DELETE') return void response.writeHead(known.delete(session) ? 204 : 404).end()
    if (id === undefined) return void response.writeHead(202).end()
    return answerJson(response, { jsonrpc: '2.0', id, result: {}, ...onPing })
  })
  return {
    upstream,
    /** How many sessions it has now. */
    count: () => known.size,
    forget: () => {
      known = new Set()
    },
  }
}
describe('a probe that comes again and again', () => {
  const routine = { isRoutine: true, keepSession: true }
  const FIRST = ['server/discover', 'initialize', 'notifications/initialized']

  test('of an older server keeps one session and pings in it, until the endpoint is gone', async () => {
    const { count, upstream } = await startServer()
    await using open = openUpstream(upstream.url)
    for (let round = 1; round <= 3; round += 1)
      expect(await probe(open.endpoint, routine)).toMatchObject({ ...HEALTHY, era: 'legacy' })
    expect(methodsOf(upstream)).toEqual([...FIRST, 'ping', 'ping'])
    expect(upstream.requests.at(-1)?.headers).toMatchObject({
      'mcp-session-id': 'session-1',
      'mcp-protocol-version': '2025-06-18',
    })
    expect(count()).toBe(1)
    open.upstreams.retire(open.target.endpoint.id)
    await expect.poll(count).toBe(0)
    await upstream.stop()
  })

  test('leaves no session behind when the process ends', async () => {
    const { count, upstream } = await startServer()
    const open = openUpstream(upstream.url)
    await probe(open.endpoint, routine)
    expect(count()).toBe(1)
    await open[Symbol.asyncDispose]()
    expect(count()).toBe(0)
    await upstream.stop()
  })

  test('opens another session when the server has forgotten the one that was kept', async () => {
    const { count, forget, upstream } = await startServer()
    await using open = openUpstream(upstream.url)
    await probe(open.endpoint, routine)
    forget()
    expect(await probe(open.endpoint, routine)).toMatchObject({ ...HEALTHY, era: 'legacy' })
    expect(methodsOf(upstream)).toEqual([...FIRST, 'ping', ...FIRST])
    expect(count()).toBe(1)
    await open[Symbol.asyncDispose]()
    await upstream.stop()
  })

  test('of a server that does not know pings asks from the beginning each time, and keeps one session', async () => {
    const unknown = { result: undefined, error: { code: -32_601, message: 'Method not found' } }
    const { count, upstream } = await startServer(unknown)
    await using open = openUpstream(upstream.url)
    for (let round = 1; round <= 3; round += 1)
      expect(await probe(open.endpoint, routine)).toMatchObject({ ...HEALTHY, era: 'legacy' })
    await expect.poll(count).toBe(1)
    await open[Symbol.asyncDispose]()
    await upstream.stop()
  })

  test('says that a server with a session is away, and pings again when it is back', async () => {
    const { upstream } = await startServer()
    await using proxy = await startFaultProxy({ port: upstream.port })
    await using open = openUpstream(`http://127.0.0.1:${proxy.port}/mcp`)
    await probe(open.endpoint, routine)
    await proxy.refuse()
    proxy.reset()
    expect(await probe(open.endpoint, routine)).toMatchObject({ status: 'unhealthy' })
    await proxy.accept()
    expect(await probe(open.endpoint, routine)).toMatchObject(HEALTHY)
    expect(methodsOf(upstream)).toEqual([...FIRST, 'ping'])
    await open[Symbol.asyncDispose]()
    await upstream.stop()
  })
})

/** A server at localhost:300x, where developers have theirs. */
const startAtDevelopersPort = async (handler: HttpUpstreamHandler): Promise<HttpUpstream> => {
  for (let port = 3000; port < 3010; port += 1) {
    try {
      return await startHttpUpstream(handler, { port })
    } catch {
      // Taken.
    }
  }
  throw new Error('all of these ports are taken')
}

describe('1c.5: health was GET /health, and everything at localhost:300x was healthy', () => {
  test('a server that has a page of that name and does not speak the protocol is unhealthy', async () => {
    await using upstream = await startAtDevelopersPort(({ method }, response) =>
      response.writeHead(method === 'GET' ? 200 : 404, { 'content-type': 'text/plain' }).end('OK'),
    )
    await using open = openUpstream(`http://localhost:${upstream.port}/mcp`)
    expect(await probe(open.endpoint)).toMatchObject({ status: 'unhealthy', era: undefined })
  })

  test('one that speaks it is healthy without such a page, and is never asked for it', async () => {
    await using upstream = await startHttpUpstream(({ method, rpcId }, response) => {
      if (method === 'POST') answerJson(response, { jsonrpc: '2.0', id: rpcId, result: {} })
      else response.writeHead(404).end()
    })
    await using open = openUpstream(upstream.url)
    expect(await probe(open.endpoint)).toMatchObject(HEALTHY)
    expect(upstream.requests.filter(({ method }) => method === 'GET')).toEqual([])
  })
})

describe('a probe finds unhealthy, and says why', () => {
  test('a server that is away', async () => {
    await using open = openUpstream(`http://127.0.0.1:${await freePort()}/mcp`)
    expect(await probe(open.endpoint)).toMatchObject({
      status: 'unhealthy',
      era: undefined,
      message: 'the server refuses connections',
    })
  })

  test('a server at another path', async () => {
    await using upstream = await startHttpUpstream((_request, response) =>
      response.writeHead(404, { 'content-type': 'text/html' }).end('<p>Cannot POST /wrong</p>'),
    )
    await using open = openUpstream(upstream.url)
    expect(await probe(open.endpoint)).toMatchObject({
      status: 'unhealthy',
      message: 'the server answered with HTTP 404',
    })
  })

  test('a web page', async () => {
    await using upstream = await startScriptedUpstream([
      'read-request',
      { send: httpResponse(200, { 'content-type': 'text/html', connection: 'close' }, '<p>hello</p>') },
      'end',
    ])
    await using open = openUpstream(upstream.url)
    const found = await probe(open.endpoint)
    expect(found.status).toBe('unhealthy')
    expect(found.message).toContain('check the path')
  })

  test('a server that accepts and says nothing, when the time of the probe is over', async () => {
    await using upstream = await startScriptedUpstream(['read-request'])
    await using open = openUpstream(upstream.url)
    expect(await probe(open.endpoint, { timeoutMs: 200 })).toMatchObject({
      status: 'unhealthy',
      message: expect.stringMatching(/no answer within 200 ms|in time/u),
    })
    await expect.poll(() => upstream.connectionsOpen).toBe(0)
  })

  test('a server that streams without an end, when the time of the probe is over', async () => {
    await using upstream = await startHttpUpstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const timer = setInterval(() => response.write(': still here\n\n'), 20)
      response.once('close', () => clearInterval(timer))
    })
    await using open = openUpstream(upstream.url)
    expect(await probe(open.endpoint, { timeoutMs: 200 })).toMatchObject({ status: 'unhealthy' })
    await expect.poll(() => upstream.disconnects).toBe(1)
  })

  test('a server that refuses to initialise, in words of our own', async () => {
    await using upstream = await startHttpUpstream(({ rpcId, headers }, response) => {
      const message = `canary ${String(headers['authorization'])}`
      answerJson(response, { jsonrpc: '2.0', id: rpcId, error: { code: -32_600, message } })
    })
    await using open = openUpstream(upstream.url, {
      credentials: { headersFor: () => [['Authorization', 'Bearer canary']] },
    })
    expect(await probe(open.endpoint)).toMatchObject({
      status: 'unhealthy',
      message: 'the server refuses to initialise (JSON-RPC error -32600)',
    })
  })

  test('a server whose credentials cannot be opened', async () => {
    await using server = await startFixtureServer()
    await using open = openUpstream(server.url, {
      credentials: {
        headersFor: () => {
          throw new Error('canary')
        },
      },
    })
    const found = await probe(open.endpoint)
    expect(found).toMatchObject({ status: 'unhealthy', message: expect.stringContaining('credentials') })
    expect(found.message).not.toContain('canary')
  })
})

test.each([401, 403])('a probe finds that a server wants a login when it answers %i', async (status) => {
  await using upstream = await startHttpUpstream((_request, response) => response.writeHead(status).end())
  await using open = openUpstream(upstream.url)
  expect(await probe(open.endpoint)).toMatchObject({ status: 'needs_login', era: undefined })
  expect(upstream.requests).toHaveLength(1)
  expect(open.endpoint.breaker.stats.acquired).toBe(0)
})

test('a probe ends at once when its caller gives it up', async () => {
  await using upstream = await startScriptedUpstream(['read-request'])
  await using open = openUpstream(upstream.url)
  const gone = new AbortController()
  const found = probe(open.endpoint, { timeoutMs: 60_000, signal: gone.signal })
  await expect.poll(() => upstream.requests.length).toBe(1)
  gone.abort()
  expect(await found).toMatchObject({ status: 'unhealthy', message: 'the request was cancelled' })
})
