import type { EndpointProbe } from '@mreg/core'
import {
  answerJson,
  freePort,
  httpResponse,
  startEverythingServer,
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
