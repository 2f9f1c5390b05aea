import {
  answerJson,
  eventOf,
  freePort,
  httpResponse,
  type HttpUpstreamHandler,
  type ScriptStep,
  startFixtureServer,
  startHttpUpstream,
  startScriptedUpstream,
} from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { readResponse, type UpstreamEndpoint } from '../src/index.ts'
import { callOf, failureOf, requestOf } from './support/messages.ts'
import { openUpstream } from './support/open-upstream.ts'

const list = requestOf('tools/list', {}, { timeoutMs: 150 })
const RESULT = { jsonrpc: '2.0', id: 1, result: {} }
const STREAM_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
const chunk = (text: string): ScriptStep => ({
  send: `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`,
})

const failuresOf = (endpoint: UpstreamEndpoint): number => endpoint.breaker.stats.failures

describe('what counts against an endpoint', () => {
  test.each<[string, readonly ScriptStep[], string]>([
    ['a connection that is reset', ['read-request', 'reset'], 'reset'],
    ['silence', ['read-request'], 'total_timeout'],
    [
      'an answer that stops in the middle',
      [
        'read-request',
        { send: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"jsonrpc"' },
      ],
      'total_timeout',
    ],
    [
      'an answer that is cut',
      [
        'read-request',
        { send: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"jsonrpc"' },
        'end',
      ],
      'truncated',
    ],
    [
      'something else than HTTP',
      ['read-request', { send: 'SSH-2.0-OpenSSH_9.9\r\n\r\n' }],
      'invalid_response',
    ],
    [
      'a web page',
      ['read-request', { send: httpResponse(200, { 'content-type': 'text/html' }, '<p>hello</p>') }],
      'bad_content_type',
    ],
    [
      'JSON that is no message',
      ['read-request', { send: httpResponse(200, { 'content-type': 'application/json' }, '"hello"') }],
      'not_a_message',
    ],
    ['HTTP 500', ['read-request', { send: httpResponse(500, {}, 'oops') }], 'upstream_status'],
    ['HTTP 503', ['read-request', { send: httpResponse(503, {}, 'later') }], 'upstream_status'],
  ])('%s', async (_what, script, reason) => {
    await using upstream = await startScriptedUpstream(script)
    await using open = openUpstream(upstream.url)
    expect(await failureOf(open.endpoint.send(list))).toMatchObject({ reason, requestSent: true })
    expect(failuresOf(open.endpoint)).toBe(1)
  })

  test('a refused connection, and it is certain that nothing was sent', async () => {
    await using open = openUpstream(`http://127.0.0.1:${await freePort()}/mcp`)
    expect(await failureOf(open.endpoint.send(callOf('pay')))).toMatchObject({
      reason: 'unreachable',
      requestSent: false,
    })
    expect(failuresOf(open.endpoint)).toBe(1)
  })

  test('a connection that is not made in time, also for a tool', async () => {
    // It accepts, and never answers the TLS handshake.
    await using upstream = await startScriptedUpstream([])
    await using open = openUpstream(upstream.url.replace('http:', 'https:'), { connectTimeoutMs: 100 })
    expect(await failureOf(open.endpoint.send(callOf('pay')))).toMatchObject({
      reason: 'connect_timeout',
      requestSent: false,
    })
    expect(failuresOf(open.endpoint)).toBe(1)
  })

  test('a name that does not resolve', async () => {
    await using open = openUpstream('http://does-not-exist.invalid/mcp')
    expect(await failureOf(open.endpoint.send(list))).toMatchObject({ reason: 'dns', requestSent: false })
    expect(failuresOf(open.endpoint)).toBe(1)
  })

  test.each<[string, ScriptStep[]]>([
    ['before its first message', []],
    ['after a message', [chunk(eventOf({ jsonrpc: '2.0', method: 'notifications/message' }))]],
  ])('a stream that breaks %s: enough of them open the circuit', async (_when, steps) => {
    await using upstream = await startScriptedUpstream(() => [
      'read-request',
      { send: STREAM_HEAD },
      ...steps,
      { sleepMs: 20 },
      'reset',
    ])
    await using open = openUpstream(upstream.url)
    for (let call = 1; call <= 3; call += 1) {
      expect(open.endpoint.breaker.state).toBe('closed')
      const reply = await open.endpoint.send(requestOf('tools/list'))
      expect(await failureOf(readResponse(reply))).toMatchObject({ reason: 'truncated' })
    }
    expect(open.endpoint.breaker.state).toBe('open')
  })
})

describe('what does not count against an endpoint', () => {
  test.each<[string, HttpUpstreamHandler]>([
    ['a result', (_request, response) => answerJson(response, RESULT)],
    [
      'a JSON-RPC error',
      (_request, response) =>
        answerJson(response, { jsonrpc: '2.0', id: 1, error: { code: -32_603, message: 'no' } }),
    ],
    ['an empty 202', (_request, response) => response.writeHead(202).end()],
    ...[400, 404, 405, 409, 413, 415, 422].map((status): [string, HttpUpstreamHandler] => [
      `HTTP ${status}`,
      (_request, response) =>
        answerJson(response, { jsonrpc: '2.0', id: 1, error: { code: -32_600, message: 'no' } }, { status }),
    ]),
  ])('%s', async (_what, handler) => {
    await using upstream = await startHttpUpstream(handler)
    await using open = openUpstream(upstream.url)
    await open.endpoint.send(requestOf('tools/list'))
    expect(open.endpoint.breaker.stats).toMatchObject({ failures: 0, successes: 1 })
  })

  test.each([401, 403, 429, 301, 302, 307, 308])('HTTP %i, though it is an error', async (status) => {
    await using upstream = await startHttpUpstream((_request, response) => response.writeHead(status).end())
    await using open = openUpstream(upstream.url)
    await failureOf(open.endpoint.send(requestOf('tools/list')))
    expect(open.endpoint.breaker.stats).toMatchObject({ failures: 0, successes: 1 })
  })

  test('a tool result that is an error', async () => {
    await using server = await startFixtureServer({ stateless: true })
    await using open = openUpstream(server.url)
    const reply = await open.endpoint.send(callOf('fail', { reason: 'no' }))
    expect(await readResponse(reply)).toMatchObject({ result: { isError: true } })
    expect(open.endpoint.breaker.stats).toMatchObject({ failures: 0, successes: 1 })
  })

  test('the caller giving up, before the answer and in the middle of it', async () => {
    await using server = await startFixtureServer({ stateless: true })
    await using open = openUpstream(server.url)
    const before = new AbortController()
    before.abort()
    expect(
      await failureOf(open.endpoint.send(callOf('echo', { message: 'x' }, { signal: before.signal }))),
    ).toMatchObject({
      reason: 'aborted',
      requestSent: false,
    })
    const during = new AbortController()
    const reply = await open.endpoint.send(callOf('hold', {}, { signal: during.signal }))
    during.abort()
    expect(await failureOf(readResponse(reply))).toMatchObject({ reason: 'aborted' })
    expect(failuresOf(open.endpoint)).toBe(0)
  })

  test('a tool that runs past its deadline, whether its answer has begun or not', async () => {
    await using streaming = await startFixtureServer({ stateless: true })
    await using plain = await startFixtureServer({ stateless: true, jsonResponses: true })
    await using begun = openUpstream(streaming.url)
    const reply = await begun.endpoint.send(callOf('hold', {}, { timeoutMs: 150 }))
    expect(reply.kind).toBe('stream')
    expect((await failureOf(readResponse(reply))).reason).toMatch(/^(total|idle)_timeout$/u)
    expect(failuresOf(begun.endpoint)).toBe(0)

    await using silent = openUpstream(plain.url)
    expect((await failureOf(silent.endpoint.send(callOf('hold', {}, { timeoutMs: 150 })))).reason).toMatch(
      /^(total|headers)_timeout$/u,
    )
    expect(failuresOf(silent.endpoint)).toBe(0)
  })

  test('a stream that is given up after it has answered', async () => {
    await using upstream = await startHttpUpstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      // It answers and leaves the stream open.
      response.write(eventOf(RESULT))
    })
    await using open = openUpstream(upstream.url)
    await readResponse(await open.endpoint.send(requestOf('tools/list')))
    expect(open.endpoint.breaker.stats).toMatchObject({ failures: 0, successes: 1 })
  })

  test('credentials that cannot be had; nothing is sent', async () => {
    await using server = await startFixtureServer({ stateless: true })
    await using open = openUpstream(server.url, {
      credentials: {
        headersFor: () => {
          throw new Error('canary: no key')
        },
      },
    })
    const failure = await failureOf(open.endpoint.send(callOf('echo', { message: 'x' })))
    expect(failure).toMatchObject({ reason: 'credentials_unavailable', requestSent: false })
    expect(failure.message).not.toContain('canary')
    expect(server.requestHeaders).toEqual([])
    expect(failuresOf(open.endpoint)).toBe(0)
  })
})

describe('the circuit', () => {
  const breaker = { failureThreshold: 3, openMs: 200, maxOpenMs: 200 }

  test('opens at the threshold and not before, refuses without a word to the server, and says when to come back', async () => {
    await using upstream = await startHttpUpstream((_request, response) => response.writeHead(500).end())
    await using open = openUpstream(upstream.url)
    for (let call = 1; call <= 3; call += 1) {
      expect(open.endpoint.breaker.state).toBe('closed')
      expect(await failureOf(open.endpoint.send(list))).toMatchObject({
        reason: 'upstream_status',
        status: 500,
      })
    }
    expect(open.endpoint.breaker.state).toBe('open')
    const refused = await failureOf(open.endpoint.send(list))
    expect(refused).toMatchObject({ reason: 'circuit_open', requestSent: false })
    expect(refused.retryAfterMs).toBeGreaterThan(40_000)
    expect(refused.retryAfterMs).toBeLessThanOrEqual(72_000)
    expect(upstream.requests).toHaveLength(3)
  })

  test('stays closed when an answer comes between the failures', async () => {
    await using upstream = await startHttpUpstream((_request, response) => {
      if (upstream.requests.length % 3 === 0) answerJson(response, RESULT)
      else response.writeHead(500).end()
    })
    await using open = openUpstream(upstream.url)
    for (let call = 1; call <= 12; call += 1) await open.endpoint.send(list).catch(() => {})
    expect(open.endpoint.breaker.state).toBe('closed')
    expect(upstream.requests).toHaveLength(12)
  })

  test('lets one call through when its time is over, refuses the others, and closes when that one is answered', async () => {
    await using upstream = await startHttpUpstream((_request, response) => response.writeHead(500).end())
    await using open = openUpstream(upstream.url, { breaker })
    for (let call = 1; call <= 3; call += 1) await failureOf(open.endpoint.send(list))
    await expect.poll(() => open.endpoint.breaker.state).toBe('half-open')

    const { promise: arrived, resolve: arrive } = Promise.withResolvers<() => void>()
    upstream.answer((_request, response) => arrive(() => answerJson(response, RESULT)))
    const probe = open.endpoint.send(requestOf('tools/list'))
    const answer = await arrived
    expect(await failureOf(open.endpoint.send(list))).toMatchObject({ reason: 'circuit_open' })
    answer()
    expect(await readResponse(await probe)).toEqual(RESULT)

    expect(open.endpoint.breaker.state).toBe('closed')
    expect(upstream.requests).toHaveLength(4)
  })

  test('opens again when that one fails', async () => {
    await using upstream = await startHttpUpstream((_request, response) => response.writeHead(500).end())
    await using open = openUpstream(upstream.url, { breaker })
    for (let call = 1; call <= 3; call += 1) await failureOf(open.endpoint.send(list))
    await expect.poll(() => open.endpoint.breaker.state).toBe('half-open')
    await failureOf(open.endpoint.send(list))
    expect(open.endpoint.breaker.state).toBe('open')
    expect(upstream.requests).toHaveLength(4)
  })

  test('closes as soon as a stream begins, and does not wait for its end', async () => {
    await using upstream = await startHttpUpstream((_request, response) => response.writeHead(500).end())
    await using open = openUpstream(upstream.url, { breaker })
    for (let call = 1; call <= 3; call += 1) await failureOf(open.endpoint.send(list))
    await expect.poll(() => open.endpoint.breaker.state).toBe('half-open')
    upstream.answer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    })
    const reply = await open.endpoint.send(callOf('long'))
    expect(open.endpoint.breaker.state).toBe('closed')
    if (reply.kind === 'stream') reply.cancel()
  })

  test('a probe that the caller gives up leaves its place to the next', async () => {
    await using upstream = await startHttpUpstream((_request, response) => response.writeHead(500).end())
    await using open = openUpstream(upstream.url, { breaker })
    for (let call = 1; call <= 3; call += 1) await failureOf(open.endpoint.send(list))
    await expect.poll(() => open.endpoint.breaker.state).toBe('half-open')
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>()
    upstream.answer(() => arrive())
    const gone = new AbortController()
    const probe = open.endpoint.send({ ...requestOf('tools/list'), signal: gone.signal })
    await arrived
    gone.abort()
    expect(await failureOf(probe)).toMatchObject({ reason: 'aborted' })
    upstream.answer((_request, response) => answerJson(response, RESULT))
    await open.endpoint.send(requestOf('tools/list'))
    expect(open.endpoint.breaker.state).toBe('closed')
  })

  test('works the same over a real server that dies and comes back on its port', async () => {
    const first = await startFixtureServer({ stateless: true })
    await using open = openUpstream(first.url, { breaker })
    await open.endpoint.send(callOf('echo', { message: 'before' }))
    await first.stop()
    for (let call = 1; call <= 3; call += 1) await failureOf(open.endpoint.send(list))
    expect(open.endpoint.breaker.state).toBe('open')
    await using second = await startFixtureServer({ stateless: true, port: first.port })
    await expect.poll(() => open.endpoint.breaker.state).toBe('half-open')
    await readResponse(await open.endpoint.send(callOf('echo', { message: 'after' })))
    expect(open.endpoint.breaker.state).toBe('closed')
    expect(second.executions).toHaveLength(1)
  })
})

test('a machine that has slept opens no circuit, neither by refused connections nor by broken streams', async () => {
  await using upstream = await startScriptedUpstream(() => [
    'read-request',
    { send: STREAM_HEAD },
    chunk(eventOf({ jsonrpc: '2.0', method: 'notifications/message' })),
    { sleepMs: 50 },
    'reset',
  ])
  await using open = openUpstream(upstream.url)
  const replies = await Promise.all([1, 2, 3, 4].map(() => open.endpoint.send(requestOf('tools/list'))))
  const answers = replies.map((reply) => failureOf(readResponse(reply)))
  open.upstreams.wake()
  for (const answer of answers) expect(await answer).toMatchObject({ reason: 'truncated' })
  await upstream.stop()
  for (let call = 1; call <= 4; call += 1) await failureOf(open.endpoint.send(list))
  expect(open.endpoint.breaker).toMatchObject({ state: 'closed', stats: { failures: 0 } })
})
