import { setTimeout as sleep } from 'node:timers/promises'

import { eventOf, startFixtureServer, startHttpUpstream } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { callOf, initialize, messagesOf, requestOf, seen } from './support/exchanges.ts'
import { openProxy, registered } from './support/open-proxy.ts'

const JSON_ONLY = { headers: { accept: 'application/json' } }

describe.each([
  ['with streams', {}],
  ['with plain JSON', { jsonResponses: true }],
  ['without sessions', { stateless: true }],
] as const)('a server %s', (_name, options) => {
  test('is used through the gateway as if directly: names, results and errors untouched', async () => {
    await using server = await startFixtureServer(options)
    await using open = openProxy()
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)

    const list = await ask(requestOf('tools/list', {}, 'a'))
    expect(list.last).toMatchObject({ id: 'a', result: { tools: [{ name: 'echo' }, {}, {}, {}] } })
    const echo = await ask(callOf('echo', { message: 'grüße €' }, { id: 2 }))
    expect(echo.last).toEqual({
      jsonrpc: '2.0',
      id: 2,
      result: { content: [{ type: 'text', text: 'grüße €' }] },
    })
    const fail = await ask(callOf('fail', { reason: 'no' }, { id: 3 }))
    expect(fail.last).toMatchObject({ id: 3, result: { isError: true, content: [{ text: 'no' }] } })
    const missing = await ask(requestOf('nothing/there', {}, 4))
    expect(missing.last).toMatchObject({ id: 4, error: { code: -32_601 } })
    const resource = await ask(requestOf('resources/read', { uri: 'fixture://greeting' }, 5))
    expect(resource.last).toMatchObject({ id: 5, result: { contents: [{ text: 'hello from fixture' }] } })
    for (const { status, headers } of [list, echo, fail, missing, resource]) {
      expect(status).toBe(200)
      expect(headers['content-type']).toBe('application/json')
    }
  })
})

describe('a call', () => {
  test('whose response is there soon is answered as JSON, though the client takes a stream and the server sends one', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)
    expect(await ask(callOf('echo', { message: 'hi' }))).toMatchObject({
      kind: 'complete',
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      comments: 0,
    })
  })

  test('gives its progress while it runs, before its result, in order', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { send } = await initialize(open.proxy)
    const answer = await send(callOf('hold', {}, { id: 'held', progressToken: 'p' }))
    if (answer.kind !== 'stream') throw new Error('expected a stream')
    expect(Object.fromEntries(answer.headers)).toEqual({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    const messages = []
    for await (const chunk of answer.chunks) {
      messages.push(...messagesOf(chunk))
      // The tool ends only after its progress has come through.
      if (messages.length === 1) server.release()
    }
    expect(messages).toMatchObject([
      { method: 'notifications/progress', params: { progressToken: 'p', progress: 1 } },
      { id: 'held', result: { content: [{ text: 'released' }] } },
    ])
  })

  test('with many steps gives each of them in order', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)
    const { messages } = await ask(callOf('count', { steps: 50, stepMs: 0 }, { progressToken: 1 }))
    expect(messages).toHaveLength(51)
    const steps = messages.slice(0, -1).map(({ params }) => params)
    expect(steps).toEqual(
      Array.from({ length: 50 }, (_, index) => ({ progressToken: 1, progress: index + 1, total: 50 })),
    )
    expect(messages.at(-1)).toMatchObject({ id: 1, result: { content: [{ text: 'counted to 50' }] } })
  })

  test.each([{ jsonResponses: false }, { jsonResponses: true }])(
    'that is silent for long is answered as a stream that stays alive (%j)',
    async (options) => {
      await using server = await startFixtureServer(options)
      await using open = openProxy({ timeouts: { streamAfterMs: 50, heartbeatMs: 30 } })
      open.register(registered(server.url))
      const { send } = await initialize(open.proxy)
      const answer = await send(callOf('hold', {}, { id: 9 }))
      expect(answer.kind).toBe('stream')
      const answered = seen(answer)
      await sleep(200)
      server.release()
      const { comments, messages } = await answered
      expect(comments).toBeGreaterThanOrEqual(3)
      expect(messages).toMatchObject([{ id: 9, result: { content: [{ text: 'released' }] } }])
    },
  )

  test('of a client that takes JSON only is answered as JSON, however long it takes, without the progress', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy({ timeouts: { streamAfterMs: 20, heartbeatMs: 20 } })
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)
    const answered = ask(callOf('hold', {}, { id: 9, progressToken: 1 }), JSON_ONLY)
    await sleep(100)
    server.release()
    expect(await answered).toMatchObject({
      kind: 'complete',
      headers: { 'content-type': 'application/json' },
      messages: [{ id: 9, result: {} }],
    })
  })

  test('is answered as a stream to every way of saying that one is taken', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy({ timeouts: { streamAfterMs: 20 } })
    open.register(registered(server.url))
    const { send } = await initialize(open.proxy)
    for (const accept of [
      '*/*',
      'text/*',
      'application/json, Text/Event-Stream',
      'text/event-stream;q=0.5',
    ]) {
      const answer = await send(callOf('hold'), { headers: { accept } })
      expect(answer.kind).toBe('stream')
    }
    server.release()
  })

  test('takes as long as its server lets it, and not longer', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy({ timeouts: { toolCallMs: 60_000 } })
    open.register(registered(server.url, { settings: { toolCallTimeoutMs: 150 } }))
    const { ask } = await initialize(open.proxy)
    expect((await ask(callOf('hold', {}, { id: 'slow' }))).last).toMatchObject({
      id: 'slow',
      error: { data: { reason: expect.stringMatching(/_timeout$/u), server: 'fixture' } },
    })
    await using plain = await startFixtureServer({ jsonResponses: true })
    open.register(registered(plain.url, { slug: 'plain', settings: { toolCallTimeoutMs: 150 } }))
    const other = await initialize(open.proxy, { slug: 'plain' })
    expect((await other.ask(callOf('hold', {}, { id: 0 }))).last).toMatchObject({
      id: 0,
      error: { data: { reason: expect.stringMatching(/_timeout$/u) } },
    })
  })

  test('S22 with the id of another client gets its own answer', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const clients = await Promise.all(Array.from({ length: 40 }, () => initialize(open.proxy)))
    const answers = await Promise.all(
      clients.flatMap(({ ask }, index) =>
        [0, 1, 2, 3, 4].map((call) =>
          ask(callOf('echo', { message: `${index}/${call}` }, { id: call, progressToken: 1 })),
        ),
      ),
    )
    expect(answers).toHaveLength(200)
    for (const [position, { last }] of answers.entries()) {
      const [client, call] = [Math.floor(position / 5), position % 5]
      expect(last).toMatchObject({ id: call, result: { content: [{ text: `${client}/${call}` }] } })
    }
    expect(server.executions).toHaveLength(200)
  })

  test('F28: whose client goes away is finished by the server: in this era that is no cancellation', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy({ timeouts: { streamAfterMs: 20 } })
    open.register(registered(server.url))
    const { send } = await initialize(open.proxy)
    const gone = new AbortController()
    const answer = await send(callOf('count', { steps: 5, stepMs: 30 }, { progressToken: 1 }), {
      signal: gone.signal,
    })
    gone.abort()
    // The gateway reads on, as it must.
    expect(await seen(answer)).toMatchObject({ last: { result: { content: [{ text: 'counted to 5' }] } } })
  })

  test('can be cancelled by the notification, which reaches the server', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { send, ask } = await initialize(open.proxy)
    const answer = await send(callOf('hold', {}, { id: 5, progressToken: 1 }))
    if (answer.kind !== 'stream') throw new Error('expected a stream')
    const before = server.requestHeaders.length
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } }
    expect(await ask(cancelled)).toMatchObject({ status: 202, text: '' })
    expect(server.requestHeaders).toHaveLength(before + 1)
  })

  test('is executed once, also when the connection breaks in the middle of its answer', async () => {
    await using upstream = await startHttpUpstream(({ rpcMethod, rpcId }, response) => {
      if (rpcMethod === 'initialize') {
        response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 's' })
        response.end(JSON.stringify({ jsonrpc: '2.0', id: rpcId, result: { protocolVersion: '2025-11-25' } }))
      } else if (rpcMethod === 'tools/call') {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(eventOf({ jsonrpc: '2.0', method: 'notifications/message', params: {} }))
        setTimeout(() => response.destroy(), 30)
      } else response.writeHead(202).end()
    })
    await using open = openProxy()
    open.register(registered(upstream.url))
    const { ask } = await initialize(open.proxy)
    const { messages } = await ask(callOf('pay', {}, { id: 'once' }))
    expect(messages).toMatchObject([
      { method: 'notifications/message' },
      { id: 'once', error: { code: -32_603, data: { reason: 'truncated' } } },
    ])
    expect(upstream.requests.filter(({ rpcMethod }) => rpcMethod === 'tools/call')).toHaveLength(1)
  })
})

describe('a notification', () => {
  test('is taken with 202 and an empty body, and reaches the server', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)
    const before = server.requestHeaders.length
    expect(await ask({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' })).toMatchObject({
      status: 202,
      text: '',
    })
    expect(server.requestHeaders).toHaveLength(before + 1)
  })

  test('is taken also when the server is away: nobody waits for an answer', async () => {
    const server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)
    await server.stop()
    const answer = await ask({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' })
    expect(answer).toMatchObject({ status: 202, text: '' })
  })

  test('that the server answers with a stream does not hold its connection', async () => {
    await using upstream = await startHttpUpstream(({ rpcMethod, rpcId }, response) => {
      if (rpcMethod === 'initialize') {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ jsonrpc: '2.0', id: rpcId, result: { protocolVersion: '2025-11-25' } }))
      } else response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    })
    await using open = openProxy()
    open.register(registered(upstream.url))
    const { ask } = await initialize(open.proxy)
    expect((await ask({ jsonrpc: '2.0', method: 'notifications/x' })).status).toBe(202)
    await expect.poll(() => open.pool.stats().active).toBe(0)
  })
})

test('a response to a question of the server is passed on to it', async () => {
  const answers: unknown[] = []
  await using upstream = await startHttpUpstream(({ rpcMethod, rpcId, body }, response) => {
    if (rpcMethod === 'initialize') {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ jsonrpc: '2.0', id: rpcId, result: { protocolVersion: '2025-11-25' } }))
      return
    }
    if (rpcMethod === undefined) answers.push(JSON.parse(body))
    response.writeHead(202).end()
  })
  await using open = openProxy()
  open.register(registered(upstream.url))
  const { ask } = await initialize(open.proxy)
  const response = { jsonrpc: '2.0', id: 'from the server', result: { roots: [] } }
  expect(await ask(response)).toMatchObject({ status: 202, text: '' })
  expect(answers).toEqual([response])
})
