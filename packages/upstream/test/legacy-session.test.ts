import {
  answerJson,
  type FixtureServer,
  type HttpUpstreamHandler,
  startEverythingServer,
  startFixtureServer,
  startHttpUpstream,
} from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { LegacySession, readResponse } from '../src/index.ts'
import { callOf, failureOf, listen, requestOf } from './support/messages.ts'
import { openSession, seedOf } from './support/open-session.ts'
import { openUpstream } from './support/open-upstream.ts'

const messagesOf = (server: FixtureServer): unknown[] =>
  server.executions.map(({ arguments: { message } }) => message)

/** Opens sessions and knows none of them. */
const forgetful: HttpUpstreamHandler = ({ rpcMethod, rpcId }, response) => {
  const error = { code: -32_001, message: 'Session not found' }
  if (rpcMethod === 'initialize') {
    answerJson(response, { jsonrpc: '2.0', id: rpcId, result: {} }, { headers: { 'mcp-session-id': 'new' } })
  } else if (rpcId === undefined) response.writeHead(202).end()
  else answerJson(response, { jsonrpc: '2.0', id: null, error }, { status: 404 })
}

/** Sends one request to a server that refuses it, and gives how many requests that server saw. */
const countRequests = async (
  status: number,
  error: object | undefined,
  { sessionId, how = 'send' }: { sessionId: string | undefined; how?: 'send' | 'listen' },
): Promise<number> => {
  await using upstream = await startHttpUpstream((_request, response) => {
    if (error === undefined) response.writeHead(status).end('Cannot find it')
    else answerJson(response, { jsonrpc: '2.0', id: 1, error }, { status })
  })
  await using open = openUpstream(upstream.url)
  const session = new LegacySession(seedOf({ opened: { sessionId } }), open.endpoint)
  const reply = await session[how](how === 'send' ? requestOf('tools/list') : listen)
  expect(reply).toMatchObject({ kind: 'refused', status })
  return upstream.requests.length
}

describe('an upstream that restarts', () => {
  test.each([404, 400] as const)(
    'and answers %i is initialised once, however many calls notice, and each call is executed exactly once',
    async (unknownSessionStatus) => {
      const first = await startFixtureServer({ unknownSessionStatus })
      await using open = openUpstream(first.url)
      const session = await openSession(open.endpoint)
      await session.send(callOf('echo', { message: 'before' }))
      await first.stop()
      await expect.poll(() => open.pool.stats().open).toBe(0)
      await using second = await startFixtureServer({ unknownSessionStatus, port: first.port })

      const messages = Array.from({ length: 50 }, (_, index) => `call ${index}`)
      const texts = await Promise.all(
        messages.map(async (message) => readResponse(await session.send(callOf('echo', { message })))),
      )

      expect(texts).toEqual(
        messages.map((text) => expect.objectContaining({ result: { content: [{ type: 'text', text }] } })),
      )
      expect(second.sessionsOpened).toBe(1)
      expect(new Set(messagesOf(second))).toEqual(new Set(messages))
      expect(second.executions).toHaveLength(50)
    },
  )

  test('is told what the client had declared, and that the session is initialised', async () => {
    const bodies: { method?: string; params?: unknown; sessionId: unknown }[] = []
    await using upstream = await startHttpUpstream(({ headers, rpcMethod, rpcId, body }, response) => {
      const parsed: { params?: unknown } = JSON.parse(body)
      bodies.push({ method: rpcMethod ?? '', params: parsed.params, sessionId: headers['mcp-session-id'] })
      if (rpcMethod === 'initialize') {
        answerJson(
          response,
          { jsonrpc: '2.0', id: rpcId, result: {} },
          { headers: { 'mcp-session-id': 'new' } },
        )
      } else if (rpcMethod === 'notifications/initialized') response.writeHead(202).end()
      else if (headers['mcp-session-id'] !== 'new') response.writeHead(404).end()
      else answerJson(response, { jsonrpc: '2.0', id: rpcId, result: { done: true } })
    })
    await using open = openUpstream(upstream.url)
    const session = new LegacySession(seedOf({ opened: { sessionId: 'old' } }), open.endpoint)
    expect(await readResponse(await session.send(callOf('pay')))).toMatchObject({ result: { done: true } })
    const pay = expect.objectContaining({ name: 'pay' })
    expect(bodies).toEqual([
      { method: 'tools/call', params: pay, sessionId: 'old' },
      {
        method: 'initialize',
        params: {
          protocolVersion: '2025-11-25',
          capabilities: { roots: { listChanged: true } },
          clientInfo: { name: 'the client', version: '7' },
        },
        sessionId: undefined,
      },
      { method: 'notifications/initialized', params: undefined, sessionId: 'new' },
      { method: 'tools/call', params: pay, sessionId: 'new' },
    ])
    expect(session.opened).toMatchObject({ sessionId: 'new' })
  })

  test.each([
    'Bad Request: Server not initialized',
    'Bad Request: No valid session ID provided',
    'Invalid or expired Session',
  ])('is recognised by a 400 that says %j', async (message) => {
    let known = ''
    await using upstream = await startHttpUpstream(({ rpcMethod, rpcId, headers }, response) => {
      if (rpcMethod === 'initialize') {
        known = 'new'
        answerJson(
          response,
          { jsonrpc: '2.0', id: rpcId, result: {} },
          { headers: { 'mcp-session-id': known } },
        )
      } else if (headers['mcp-session-id'] !== known) {
        answerJson(response, { jsonrpc: '2.0', id: null, error: { code: -32_000, message } }, { status: 400 })
      } else answerJson(response, { jsonrpc: '2.0', id: rpcId, result: {} })
    })
    await using open = openUpstream(upstream.url)
    const session = new LegacySession(seedOf({ opened: { sessionId: 'old' } }), open.endpoint)
    expect(await readResponse(await session.send(callOf('pay')))).toMatchObject({ result: {} })
    expect(upstream.requests).toHaveLength(4)
  })

  test('again and again is initialised each time', async () => {
    await using server = await startFixtureServer()
    await using open = openUpstream(server.url)
    const session = await openSession(open.endpoint)
    for (let restart = 1; restart <= 3; restart += 1) {
      await server.forgetSessions()
      await readResponse(await session.send(callOf('echo', { message: `after ${restart}` })))
    }
    expect(server.sessionsOpened).toBe(4)
    expect(messagesOf(server)).toEqual(['after 1', 'after 2', 'after 3'])
  })

  test('while a call is under way loses that call, and it is not sent again', async () => {
    await using server = await startFixtureServer()
    await using open = openUpstream(server.url)
    const session = await openSession(open.endpoint)
    const call = session.send(callOf('hold'))
    await expect.poll(() => server.executions.length).toBe(1)
    const reply = await call
    await server.forgetSessions()
    await failureOf(readResponse(reply))
    await readResponse(await session.send(callOf('echo', { message: 'next' })))
    expect(server.executions.map(({ tool }) => tool)).toEqual(['hold', 'echo'])
  })

  test('opens the stream for announcements in the new session', async () => {
    await using server = await startFixtureServer()
    await using open = openUpstream(server.url)
    const session = await openSession(open.endpoint)
    await server.forgetSessions()
    const reply = await session.listen(listen)
    if (reply.kind !== 'stream') throw new Error(`expected a stream, got ${reply.kind}`)
    const messages = reply.messages[Symbol.asyncIterator]()
    const next = messages.next()
    await server.announce()
    const { value } = await next
    expect(Buffer.from(value?.message ?? '').toString()).toContain('notifications/tools/list_changed')
    expect(server.sessionsOpened).toBe(2)
    reply.cancel()
  })

  test('is server-everything: its 400 is understood too', { timeout: 60_000 }, async () => {
    await using server = await startEverythingServer()
    await using open = openUpstream(server.url)
    const session = await openSession(open.endpoint)
    const before = session.opened
    await server.restart()
    const replies = await Promise.all(
      Array.from({ length: 10 }, async (_, index) =>
        readResponse(await session.send(callOf('echo', { message: `m${index}` }))),
      ),
    )
    expect(replies).toHaveLength(10)
    for (const reply of replies) expect(reply).toMatchObject({ result: { content: [{ type: 'text' }] } })
    expect(session.opened).not.toEqual(before)
  })
})

describe('a session', () => {
  test('that this endpoint has not opened yet is opened by the first call, once for all', async () => {
    await using server = await startFixtureServer()
    await using open = openUpstream(server.url)
    const session = new LegacySession(seedOf(), open.endpoint)
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        readResponse(await session.send(callOf('echo', { message: `m${index}` }))),
      ),
    )
    expect(server.sessionsOpened).toBe(1)
    expect(server.executions).toHaveLength(20)
    // One initialize, one notification, twenty calls: nothing was tried without a session first.
    expect(server.requestHeaders).toHaveLength(22)
  })

  test('at an upstream that keeps none needs no second initialize', async () => {
    await using server = await startFixtureServer({ stateless: true })
    await using open = openUpstream(server.url)
    const session = await openSession(open.endpoint)
    expect(session.opened).toEqual({ sessionId: undefined })
    await readResponse(await session.send(callOf('echo', { message: 'hi' })))
    expect(server.requestHeaders).toHaveLength(3)
    await session.end()
    expect(server.requestHeaders).toHaveLength(3)
  })

  test('that has ended is unknown to the upstream', async () => {
    await using server = await startFixtureServer()
    await using open = openUpstream(server.url)
    const session = await openSession(open.endpoint)
    expect(server.sessionIds).toHaveLength(1)
    await session.end()
    expect(server.sessionIds).toEqual([])
  })
})

describe('a session that cannot be had', () => {
  test('because the upstream does not keep it is lost after one more try', async () => {
    await using upstream = await startHttpUpstream(forgetful)
    await using open = openUpstream(upstream.url)
    const session = new LegacySession(seedOf({ opened: { sessionId: 'old' } }), open.endpoint)
    expect(await failureOf(session.send(callOf('pay')))).toMatchObject({ reason: 'session_lost' })
    const methods = upstream.requests.map(({ rpcMethod }) => rpcMethod)
    expect(methods).toEqual(['tools/call', 'initialize', 'notifications/initialized', 'tools/call'])
  })

  test('because initialize is refused is lost for all who wait, and tried again by the next', async () => {
    await using upstream = await startHttpUpstream(({ rpcMethod, rpcId }, response) => {
      const error = { code: -32_600, message: 'Not now' }
      if (rpcMethod !== 'initialize') response.writeHead(404).end()
      // Late, so that all who wait are waiting.
      else setTimeout(() => answerJson(response, { jsonrpc: '2.0', id: rpcId, error }), 200)
    })
    await using open = openUpstream(upstream.url)
    const session = new LegacySession(seedOf({ opened: { sessionId: 'old' } }), open.endpoint)
    const initializes = (): number =>
      upstream.requests.filter(({ rpcMethod }) => rpcMethod === 'initialize').length
    const failures = await Promise.all(
      Array.from({ length: 5 }, () => failureOf(session.send(requestOf('tools/list')))),
    )
    expect(new Set(failures.map(({ reason }) => reason))).toEqual(new Set(['session_lost']))
    expect(initializes()).toBe(1)
    await failureOf(session.send(requestOf('tools/list')))
    expect(initializes()).toBe(2)
  })

  test('because initialize is answered with a bare status says that status', async () => {
    await using upstream = await startHttpUpstream((_request, response) => response.writeHead(404).end())
    await using open = openUpstream(upstream.url)
    const session = new LegacySession(seedOf({ opened: { sessionId: 'old' } }), open.endpoint)
    expect(await failureOf(session.send(requestOf('tools/list')))).toMatchObject({
      reason: 'upstream_status',
      status: 404,
    })
  })
})

describe('no lost session is', () => {
  test('a 404 that says that the method is unknown', async () => {
    const error = { code: -32_601, message: 'Method not found' }
    expect(await countRequests(404, error, { sessionId: 'open' })).toBe(1)
  })

  test('a 400 that speaks of something else', async () => {
    const error = { code: -32_602, message: 'Invalid params' }
    expect(await countRequests(400, error, { sessionId: 'open' })).toBe(1)
    expect(await countRequests(400, undefined, { sessionId: 'open' })).toBe(1)
  })

  test('a 404 where no session was named: the path is wrong', async () => {
    expect(await countRequests(404, undefined, { sessionId: undefined })).toBe(1)
  })

  test.each([404, 405])('a bare %i to GET: the server offers no such stream', async (status) => {
    expect(await countRequests(status, undefined, { sessionId: 'open', how: 'listen' })).toBe(1)
  })
})
