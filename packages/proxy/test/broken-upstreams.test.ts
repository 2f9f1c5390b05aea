import type { LogFields, Logger } from '@mreg/core'
import { silentLogger } from '@mreg/core'
import {
  answerJson,
  eventOf,
  freePort,
  httpResponse,
  type HttpUpstreamHandler,
  type ScriptStep,
  startFaultProxy,
  startFixtureServer,
  startHttpUpstream,
  startScriptedUpstream,
} from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { callOf, errorOf, exchangeOf, INITIALIZE, initialize, requestOf, seen } from './support/exchanges.ts'
import { openProxy, registered } from './support/open-proxy.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const STREAM_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
const chunk = (text: string): ScriptStep => ({
  send: `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`,
})
const response = (id: unknown): object => ({ jsonrpc: '2.0', id, result: { content: [] } })
const PROGRESS = {
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken: 1, progress: 1 },
}

/** Opens a session as any server does, and answers everything else as told. */
const afterInitialize =
  (answer: HttpUpstreamHandler): HttpUpstreamHandler =>
  (request, reply) => {
    const { rpcMethod, rpcId } = request
    const result = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      serverInfo: { name: 'x', version: '1' },
    }
    if (rpcMethod === 'initialize') {
      answerJson(reply, { jsonrpc: '2.0', id: rpcId, result }, { headers: { 'mcp-session-id': 's' } })
    } else if (rpcId === undefined) reply.writeHead(202).end()
    else answer(request, reply)
  }

describe('a server that is away', () => {
  test.each(['text', 'ſpecial "id"', '', 7, 0, -1])(
    'is an error with the id %j of the caller',
    async (id) => {
      const server = await startFixtureServer()
      await using open = openProxy()
      open.register(registered(server.url))
      const { ask } = await initialize(open.proxy)
      await server.stop()
      const answer = await ask(callOf('echo', { message: 'x' }, { id }), { requestId: 'request-7' })
      expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
      expect(answer.last).toMatchObject({
        jsonrpc: '2.0',
        id,
        error: {
          code: -32_603,
          message: expect.stringMatching(/^Server "fixture" is unavailable: /u),
          data: {
            reason: expect.stringMatching(/^(unreachable|reset)$/u),
            server: 'fixture',
            requestId: 'request-7',
          },
        },
      })
    },
  )

  test('is an error for initialize as well', async () => {
    await using open = openProxy()
    open.register(registered(`http://127.0.0.1:${await freePort()}/mcp`))
    const answer = await seen(await open.proxy.handle(exchangeOf(INITIALIZE)))
    expect(answer).toMatchObject({ status: 200, last: { id: 1, error: { data: { reason: 'unreachable' } } } })
    expect(answer.headers['mcp-session-id']).toBeUndefined()
  })

  test('is not tried any more after the threshold; it returns, and so do the calls', async () => {
    const server = await startFixtureServer()
    await using open = openProxy({ breaker: { failureThreshold: 3, openMs: 150, maxOpenMs: 150 } })
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)
    await server.stop()
    await expect.poll(() => open.pool.stats().open).toBe(0)
    for (let call = 1; call <= 3; call += 1) {
      expect(errorOf((await ask(callOf('echo', { message: 'x' }))).last).data['reason']).toBe('unreachable')
    }
    const { data } = errorOf((await ask(callOf('echo', { message: 'x' }, { id: 'fast' }))).last)
    expect(data).toMatchObject({ reason: 'circuit_open', retryAfterMs: expect.any(Number) })
    expect(data['retryAfterMs']).toBeGreaterThan(0)

    await using back = await startFixtureServer({ port: server.port })
    await expect
      .poll(async () => (await ask(callOf('echo', { message: 'back' }))).last)
      .toMatchObject({ result: { content: [{ text: 'back' }] } })
    expect(back.sessionsOpened).toBe(1)
  })

  test('does not keep clients from another one', async () => {
    await using good = await startFixtureServer()
    await using open = openProxy()
    open.register(
      registered(`http://127.0.0.1:${await freePort()}/mcp`, { slug: 'bad' }),
      registered(good.url, { slug: 'good' }),
    )
    const { ask } = await initialize(open.proxy, { slug: 'good' })
    for (let call = 1; call <= 10; call += 1) await open.proxy.handle(exchangeOf(INITIALIZE, { slug: 'bad' }))
    expect((await ask(callOf('echo', { message: 'hi' }))).last).toMatchObject({ result: {} })
  })

  test('is left for its other endpoint at once: nothing was sent to the first', async () => {
    await using good = await startFixtureServer()
    await using open = openProxy({ breaker: { failureThreshold: 1, openMs: 60_000, maxOpenMs: 60_000 } })
    open.register(registered([`http://127.0.0.1:${await freePort()}/mcp`, good.url]))
    const { ask } = await initialize(open.proxy)
    expect((await ask(callOf('echo', { message: 'hi' }))).last).toMatchObject({ result: {} })
    expect(good.executions).toHaveLength(1)
  })
})

describe('whatever a server answers, the client gets exactly one response, with its own id', () => {
  const timeouts = { requestMs: 300, toolCallMs: 300 }

  test.each<[string, HttpUpstreamHandler, string]>([
    ['the id of somebody else', (_request, reply) => answerJson(reply, response(999)), 'not_a_message'],
    ['its id as a text', ({ rpcId }, reply) => answerJson(reply, response(String(rpcId))), 'not_a_message'],
    ['no id', (_request, reply) => answerJson(reply, { jsonrpc: '2.0', result: {} }), 'not_a_message'],
    [
      'two ids',
      ({ rpcId }, reply) =>
        reply.writeHead(200, JSON_TYPE).end(`{"jsonrpc":"2.0","id":${String(rpcId)},"id":2,"result":{}}`),
      'not_a_message',
    ],
    [
      'result and error together',
      ({ rpcId }, reply) =>
        answerJson(reply, { jsonrpc: '2.0', id: rpcId, result: {}, error: { code: 1, message: 'x' } }),
      'not_a_message',
    ],
    [
      'a request',
      ({ rpcId }, reply) => answerJson(reply, { jsonrpc: '2.0', id: rpcId, method: 'ping' }),
      'not_a_message',
    ],
    ['a batch', ({ rpcId }, reply) => answerJson(reply, [response(rpcId)]), 'not_a_message'],
    [
      'half of a message',
      (_request, reply) => reply.writeHead(200, JSON_TYPE).end('{"jsonrpc":"2.0"'),
      'not_a_message',
    ],
    ['garbage', (_request, reply) => reply.writeHead(200, JSON_TYPE).end('{canary'), 'not_a_message'],
    [
      'garbage that is not even an object',
      (_request, reply) => reply.writeHead(200, JSON_TYPE).end('canary'),
      'not_a_message',
    ],
    [
      'bytes that are no text',
      (_request, reply) => reply.writeHead(200, JSON_TYPE).end(Buffer.from('7bff7d', 'hex')),
      'not_a_message',
    ],
    [
      'a web page',
      (_request, reply) => reply.writeHead(200, { 'content-type': 'text/html' }).end('<p>canary</p>'),
      'bad_content_type',
    ],
    [
      'a web page with status 502',
      (_request, reply) => reply.writeHead(502, { 'content-type': 'text/html' }).end('<p>canary</p>'),
      'upstream_status',
    ],
    ['a bare status', (_request, reply) => reply.writeHead(418).end('canary'), 'upstream_status'],
    ['nothing, with 202', (_request, reply) => reply.writeHead(202).end(), 'not_a_message'],
    [
      'a compressed answer',
      (_request, reply) => reply.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end('canary'),
      'bad_content_type',
    ],
    [
      'a challenge',
      (_request, reply) => reply.writeHead(401, { 'www-authenticate': 'Bearer canary' }).end('canary'),
      'needs_login',
    ],
    ['a prohibition', (_request, reply) => reply.writeHead(403).end('canary'), 'needs_login'],
    [
      'a redirect',
      (_request, reply) => reply.writeHead(307, { location: 'http://canary.example' }).end(),
      'redirect',
    ],
    [
      'an empty stream',
      (_request, reply) => reply.writeHead(200, { 'content-type': 'text/event-stream' }).end(),
      'truncated',
    ],
    [
      'a stream without the response',
      (_request, reply) =>
        reply.writeHead(200, { 'content-type': 'text/event-stream' }).end(eventOf(PROGRESS)),
      'truncated',
    ],
    [
      'a stream with garbage',
      (_request, reply) =>
        reply.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: {canary\n\n'),
      'not_a_message',
    ],
    [
      'a stream that ends in the middle',
      (_request, reply) =>
        reply
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .end('data: {"jsonrpc":"2.0","id":1,"result"'),
      'truncated',
    ],
  ])('%s', async (_what, answer, reason) => {
    const log: string[] = []
    const record = (message: string, fields?: LogFields): void =>
      void log.push(JSON.stringify({ message, fields }))
    const logger: Logger = { ...silentLogger, warn: record, error: record }
    await using upstream = await startHttpUpstream(afterInitialize(answer))
    await using open = openProxy({ timeouts, logger })
    open.register(registered(upstream.url))
    const { ask } = await initialize(open.proxy)
    const seenAnswer = await ask(callOf('pay', {}, { id: 1 }))
    expect(seenAnswer.status).toBe(200)
    const finals = seenAnswer.messages.filter((message) => 'id' in message)
    expect(finals).toHaveLength(1)
    expect(seenAnswer.last).toMatchObject({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32_603, data: { reason, server: 'fixture' } },
    })
    // Nothing of what it said, and nothing of where it is.
    expect(JSON.stringify(seenAnswer)).not.toContain('canary')
    expect(JSON.stringify(seenAnswer)).not.toContain('127.0.0.1')
    expect(log).toHaveLength(1)
    expect(log[0]).not.toContain('canary')
    expect(upstream.requests.filter(({ rpcMethod }) => rpcMethod === 'tools/call')).toHaveLength(1)
    // The session is good for the next call.
    upstream.answer(afterInitialize(({ rpcId }, reply) => answerJson(reply, response(rpcId))))
    expect((await ask(callOf('pay', {}, { id: 2 }))).last).toEqual(response(2))
  })

  test.each<[string, ScriptStep[], RegExp]>([
    ['silence', [], /_timeout$/u],
    ['a reset', ['reset'], /^reset$/u],
    ['no HTTP', [{ send: 'SSH-2.0-x\r\n\r\n' }], /^invalid_response$/u],
    [
      'half a body',
      [
        { send: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"json' },
        'end',
      ],
      /^truncated$/u,
    ],
    [
      'a body that stalls',
      [{ send: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"json' }],
      /_timeout$/u,
    ],
    ['a stream that stalls', [{ send: STREAM_HEAD }, chunk(eventOf(PROGRESS))], /_timeout$/u],
    [
      'a stream that is reset',
      [{ send: STREAM_HEAD }, chunk(eventOf(PROGRESS)), { sleepMs: 20 }, 'reset'],
      /^truncated$/u,
    ],
  ])('%s', async (_what, steps, reason) => {
    const greeting = httpResponse(
      200,
      JSON_TYPE,
      JSON.stringify({ jsonrpc: '2.0', id: 1, result: { protocolVersion: '2025-11-25' } }),
    )
    await using upstream = await startScriptedUpstream((connection) =>
      connection === 1
        ? [
            'read-request',
            { send: greeting },
            'read-request',
            { send: httpResponse(202, {}) },
            'read-request',
            ...steps,
          ]
        : ['read-request', { send: httpResponse(200, JSON_TYPE, JSON.stringify(response(2))) }],
    )
    await using open = openProxy({ timeouts })
    open.register(registered(upstream.url))
    const { ask } = await initialize(open.proxy)
    const { messages, status } = await ask(callOf('pay', {}, { id: 1 }))
    expect(status).toBe(200)
    expect(messages.filter((message) => 'id' in message)).toEqual([
      expect.objectContaining({ id: 1, error: expect.objectContaining({ code: -32_603 }) }),
    ])
    expect(errorOf(messages.at(-1) ?? {}).data['reason']).toMatch(reason)
    expect((await ask(callOf('pay', {}, { id: 2 }))).last).toEqual(response(2))
    const calls = upstream.requests.filter((request) => request.includes('tools/call'))
    expect(calls).toHaveLength(2)
  })
})

describe('on a stream', () => {
  test('S22 a response to somebody else is dropped, and the right one awaited', async () => {
    await using upstream = await startHttpUpstream(
      afterInitialize(({ rpcId }, reply) => {
        reply.writeHead(200, { 'content-type': 'text/event-stream' })
        reply.write(eventOf(PROGRESS))
        reply.write(eventOf({ jsonrpc: '2.0', id: 'somebody', result: { secret: 'canary' } }))
        reply.write(eventOf({ jsonrpc: '2.0', id: null, error: { code: 1, message: 'canary' } }))
        reply.write(eventOf({ jsonrpc: '2.0', id: 99, method: 'roots/list' }))
        reply.end(eventOf(response(rpcId)))
      }),
    )
    await using open = openProxy()
    open.register(registered(upstream.url))
    const { ask } = await initialize(open.proxy)
    const { messages } = await ask(callOf('pay', {}, { id: 1 }))
    expect(messages).toEqual([PROGRESS, { jsonrpc: '2.0', id: 99, method: 'roots/list' }, response(1)])
  })

  test('whatever comes after the response is dropped, and a server that does not end it is cut off', async () => {
    await using upstream = await startHttpUpstream(
      afterInitialize(({ rpcId }, reply) => {
        reply.writeHead(200, { 'content-type': 'text/event-stream' })
        reply.write(eventOf(PROGRESS))
        reply.write(eventOf(response(rpcId)))
        reply.write(eventOf(response(rpcId)))
        reply.write(eventOf({ jsonrpc: '2.0', method: 'notifications/late' }))
      }),
    )
    await using open = openProxy()
    open.register(registered(upstream.url))
    const { ask } = await initialize(open.proxy)
    const { messages } = await ask(callOf('pay', {}, { id: 1 }))
    expect(messages).toEqual([PROGRESS, response(1)])
    await expect.poll(() => upstream.disconnects).toBe(1)
    await expect.poll(() => open.pool.stats().active).toBe(0)
  })

  test('a server that sends garbage and does not end it is cut off at once', async () => {
    await using upstream = await startHttpUpstream(
      afterInitialize((_request, reply) => {
        reply.writeHead(200, { 'content-type': 'text/event-stream' })
        reply.write('data: {garbage\n\n')
      }),
    )
    await using open = openProxy({ timeouts: { toolCallMs: 60_000 } })
    open.register(registered(upstream.url))
    const { ask } = await initialize(open.proxy)
    expect((await ask(callOf('pay', {}, { id: 1 }))).last).toMatchObject({
      id: 1,
      error: { data: { reason: 'not_a_message' } },
    })
    await expect.poll(() => upstream.disconnects).toBe(1)
  })

  test('a server that never ends it after the response is cut off, too', async () => {
    await using upstream = await startHttpUpstream(
      afterInitialize(({ rpcId }, reply) => {
        reply.writeHead(200, { 'content-type': 'text/event-stream' })
        reply.write(eventOf(response(rpcId)))
      }),
    )
    await using open = openProxy()
    open.register(registered(upstream.url))
    const { ask } = await initialize(open.proxy)
    expect((await ask(callOf('pay', {}, { id: 1 }))).last).toEqual(response(1))
    await expect.poll(() => upstream.disconnects, { timeout: 5000 }).toBe(1)
  })

  test('a flood is ended by the deadline of the call', async () => {
    await using upstream = await startHttpUpstream(
      afterInitialize((_request, reply) => {
        reply.writeHead(200, { 'content-type': 'text/event-stream' })
        const timer = setInterval(() => reply.write(eventOf(PROGRESS)), 5)
        reply.once('close', () => clearInterval(timer))
      }),
    )
    await using open = openProxy({ timeouts: { toolCallMs: 200 } })
    open.register(registered(upstream.url))
    const { ask } = await initialize(open.proxy)
    const { messages } = await ask(callOf('pay', {}, { id: 1 }))
    expect(messages.length).toBeGreaterThan(2)
    expect(messages.at(-1)).toMatchObject({ id: 1, error: { data: { reason: 'total_timeout' } } })
    await expect.poll(() => upstream.disconnects).toBe(1)
  })
})

test('the error of a refusal in JSON-RPC is passed on under the id of the caller', async () => {
  await using upstream = await startHttpUpstream(
    afterInitialize((_request, reply) =>
      answerJson(
        reply,
        { jsonrpc: '2.0', id: null, error: { code: -32_602, message: 'Unknown cursor', data: { hint: 1 } } },
        { status: 400 },
      ),
    ),
  )
  await using open = openProxy()
  open.register(registered(upstream.url))
  const { ask } = await initialize(open.proxy)
  expect(await ask(requestOf('tools/list', { cursor: 'x' }, 'mine'))).toMatchObject({
    status: 200,
    last: {
      jsonrpc: '2.0',
      id: 'mine',
      error: { code: -32_602, message: 'Unknown cursor', data: { hint: 1 } },
    },
  })
})

test('a rate limit of the server comes with its hint', async () => {
  await using upstream = await startHttpUpstream(
    afterInitialize((_request, reply) => reply.writeHead(429, { 'retry-after': '3' }).end()),
  )
  await using open = openProxy()
  open.register(registered(upstream.url))
  const { ask } = await initialize(open.proxy)
  const { data } = errorOf((await ask(requestOf('tools/list'))).last)
  expect(data).toMatchObject({ reason: 'rate_limited', status: 429, retryAfterMs: 3000 })
})

test('a server that keeps no session that it opens is an error, after one more try', async () => {
  await using upstream = await startHttpUpstream(
    afterInitialize((_request, reply) => reply.writeHead(404).end()),
  )
  await using open = openProxy()
  open.register(registered(upstream.url))
  const { ask } = await initialize(open.proxy)
  const { data } = errorOf((await ask(callOf('pay'))).last)
  expect(data).toMatchObject({ reason: 'session_lost' })
  expect(upstream.requests.filter(({ rpcMethod }) => rpcMethod === 'tools/call')).toHaveLength(2)
})

test('all connections reset in the middle of many calls: each gets one answer, and no call is executed twice', async () => {
  await using server = await startFixtureServer()
  await using faults = await startFaultProxy({ port: server.port })
  await using open = openProxy({ breaker: { failureThreshold: 1000, openMs: 100, maxOpenMs: 100 } })
  open.register(registered(`http://127.0.0.1:${faults.port}/mcp`))
  const { ask } = await initialize(open.proxy)
  const calls = Array.from({ length: 30 }, (_, index) =>
    ask(callOf('count', { steps: 5, stepMs: 10 + index }, { id: index, progressToken: index })),
  )
  await expect.poll(() => server.executions.length).toBeGreaterThan(0)
  faults.reset()
  const answers = await Promise.all(calls)
  for (const [index, { messages }] of answers.entries()) {
    const finals = messages.filter((message) => 'id' in message)
    expect(finals).toHaveLength(1)
    expect(finals[0]).toMatchObject({ id: index })
  }
  const executed = server.executions.map(({ arguments: { stepMs } }) => stepMs)
  expect(new Set(executed).size).toBe(executed.length)
  expect((await ask(callOf('echo', { message: 'after' }))).last).toMatchObject({
    result: { content: [{ text: 'after' }] },
  })
})
