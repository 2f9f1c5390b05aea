import { answerJson, eventOf, startFixtureServer, startHttpUpstream, startModernServer } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import {
  callOf,
  exchangeOf,
  type ExchangeFields,
  messagesOf,
  type SeenAnswer,
  seen,
} from './support/exchanges.ts'
import { type OpenProxy, openProxy, registered } from './support/open-proxy.ts'

const VERSION = '2026-07-28'
const META = {
  'io.modelcontextprotocol/protocolVersion': VERSION,
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
}

interface ModernRequest {
  readonly body: object
  readonly headers: Readonly<Record<string, string>>
}

/** A request of the 2026-07-28 era with the headers that mirror it. */
const modern = (
  method: string,
  params: object = {},
  {
    id = 1,
    headers = {},
    meta = {},
  }: { id?: string | number; headers?: Record<string, string>; meta?: object } = {},
): ModernRequest => ({
  body: { jsonrpc: '2.0', id, method, params: { ...params, _meta: { ...META, ...meta } } },
  headers: { 'mcp-protocol-version': VERSION, 'mcp-method': method, ...headers },
})

const call = (tool: string, toolArguments: object = {}, more: Parameters<typeof modern>[2] = {}) =>
  modern(
    'tools/call',
    { name: tool, arguments: toolArguments },
    { ...more, headers: { 'mcp-name': tool, ...more.headers } },
  )

const send = async (
  { proxy }: OpenProxy,
  { body, headers }: ModernRequest,
  fields: ExchangeFields = {},
): Promise<SeenAnswer> => seen(await proxy.handle(exchangeOf(body, { headers, ...fields })))

describe('a modern client and a modern server', () => {
  test('talk through the gateway without a session', async () => {
    await using server = await startModernServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const discovered = await send(open, modern('server/discover'))
    expect(discovered).toMatchObject({
      status: 200,
      last: { id: 1, result: { supportedVersions: [VERSION] } },
    })
    const echo = await send(open, call('echo', { message: 'grüße' }, { id: 'a' }))
    expect(echo.last).toMatchObject({
      id: 'a',
      result: { content: [{ text: 'grüße' }], resultType: 'complete' },
    })
    const fail = await send(open, call('fail'))
    expect(fail).toMatchObject({ status: 200, last: { result: { isError: true } } })
    for (const { headers } of [discovered, echo, fail]) expect(headers['mcp-session-id']).toBeUndefined()
    expect(open.sessions.size).toBe(0)
  })

  test('keep the headers that mirror the body, and no others (S14, S34)', async () => {
    await using upstream = await startHttpUpstream(({ rpcId }, response) =>
      answerJson(response, { jsonrpc: '2.0', id: rpcId, result: {} }),
    )
    await using open = openProxy({ era: { modern: true } })
    open.register(registered(upstream.url))
    const own = {
      'mcp-param-region': 'eu',
      'mcp-session-id': 'canary',
      authorization: 'Bearer canary',
      cookie: 'canary=1',
      origin: 'http://canary.example',
    }
    await send(open, call('größe', {}, { headers: { 'mcp-name': '=?base64?Z3LDtsOfZQ==?=', ...own } }))
    const [received] = upstream.requests
    expect(received?.headers).toMatchObject({
      'mcp-protocol-version': VERSION,
      'mcp-method': 'tools/call',
      'mcp-name': '=?base64?Z3LDtsOfZQ==?=',
      'mcp-param-region': 'eu',
    })
    expect(JSON.stringify(received)).not.toContain('canary')
  })

  test('have the body passed on to the byte', async () => {
    await using upstream = await startHttpUpstream(({ rpcId }, response) =>
      answerJson(response, { jsonrpc: '2.0', id: rpcId, result: {} }),
    )
    await using open = openProxy({ era: { modern: true } })
    open.register(registered(upstream.url))
    const { body, headers } = modern('tools/list', { unknown: { member: [1, 2.5e3, null] } })
    const text = JSON.stringify(body, undefined, 3).replace('2.5e3', '2.50E+3')
    await open.proxy.handle(exchangeOf(text, { headers }))
    expect(upstream.requests[0]?.body).toBe(text)
  })

  test('have the answer passed on to the byte', async () => {
    const text = '{ "id" : 1,\n "result":{"big":12345678901234567890,"text":"\\u00e9"}, "jsonrpc":"2.0" }'
    await using upstream = await startHttpUpstream((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(text),
    )
    await using open = openProxy({ era: { modern: true } })
    open.register(registered(upstream.url))
    expect((await send(open, modern('tools/list'))).text).toBe(text)
  })
})

describe('the headers of a modern request', () => {
  test.each<[string, Record<string, string | undefined>, number]>([
    ['without a protocol version', { 'mcp-protocol-version': undefined }, -32_020],
    ['with another protocol version', { 'mcp-protocol-version': '2025-11-25' }, -32_020],
    ['without a method', { 'mcp-method': undefined }, -32_020],
    ['with another method', { 'mcp-method': 'tools/list' }, -32_020],
    ['with the method in other letters', { 'mcp-method': 'Tools/Call' }, -32_020],
    ['without a name', { 'mcp-name': undefined }, -32_020],
    ['with another name', { 'mcp-name': 'fail' }, -32_020],
    ['with a name that is badly encoded', { 'mcp-name': '=?base64?%%%?=' }, -32_020],
  ])('%s are refused with 400 and the id, and nothing is sent (S32)', async (_what, headers, code) => {
    await using server = await startModernServer()
    await using open = openProxy({ era: { modern: true } })
    open.register(registered(server.url))
    const request = call('echo', { message: 'x' }, { id: 'mine' })
    const changed = Object.entries({ ...request.headers, ...headers }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    )
    const answer = await send(open, {
      ...request,
      headers: Object.fromEntries(changed),
    })
    expect(answer).toMatchObject({ status: 400, last: { jsonrpc: '2.0', id: 'mine', error: { code } } })
    expect(server.requestHeaders).toEqual([])
  })

  test('that name a version which nobody knows are refused with those that are known', async () => {
    await using open = openProxy({ era: { modern: true } })
    open.register(registered('http://127.0.0.1:1/mcp'))
    const request = modern(
      'tools/list',
      {},
      { meta: { 'io.modelcontextprotocol/protocolVersion': '2030-01-01' } },
    )
    const headers = { ...request.headers, 'mcp-protocol-version': '2030-01-01' }
    expect(await send(open, { ...request, headers })).toMatchObject({
      status: 400,
      last: { id: 1, error: { code: -32_022, data: { supported: [VERSION], requested: '2030-01-01' } } },
    })
  })

  test('that say modern of a body that does not are refused', async () => {
    await using open = openProxy({ era: { modern: true } })
    open.register(registered('http://127.0.0.1:1/mcp'))
    const headers = { 'mcp-protocol-version': VERSION, 'mcp-method': 'tools/call', 'mcp-name': 'echo' }
    const answer = await seen(await open.proxy.handle(exchangeOf(callOf('echo'), { headers })))
    expect(answer).toMatchObject({ status: 400, last: { id: 1, error: { code: -32_602 } } })
  })
})

describe('what a modern server refuses', () => {
  test.each([
    [404, -32_601, undefined],
    [400, -32_602, undefined],
    [400, -32_020, undefined],
    [400, -32_021, { requiredCapabilities: { sampling: {} } }],
    [400, -32_022, { supported: ['2030-01-01'], requested: VERSION }],
  ])('keeps its status %i and its error %i', async (status, code, data) => {
    await using upstream = await startHttpUpstream(({ rpcId }, response) =>
      answerJson(response, { jsonrpc: '2.0', id: rpcId, error: { code, message: 'No.', data } }, { status }),
    )
    await using open = openProxy({ era: { modern: true } })
    open.register(registered(upstream.url))
    const answer = await send(open, modern('tools/list', {}, { id: 'mine' }))
    expect(answer.status).toBe(status)
    expect(answer.last).toEqual({
      jsonrpc: '2.0',
      id: 'mine',
      error: { code, message: 'No.', ...(data === undefined ? {} : { data }) },
    })
  })

  test('is real: an unknown method is 404 with -32601', async () => {
    await using server = await startModernServer()
    await using open = openProxy({ era: { modern: true } })
    open.register(registered(server.url))
    expect(await send(open, modern('ping'))).toMatchObject({
      status: 404,
      last: { id: 1, error: { code: -32_601 } },
    })
  })

  test.each([401, 403])(
    'with %i is about our credentials, and never the status of the answer',
    async (status) => {
      await using upstream = await startHttpUpstream((_request, response) =>
        response.writeHead(status, { 'www-authenticate': 'Bearer canary' }).end(),
      )
      await using open = openProxy({ era: { modern: true } })
      open.register(registered(upstream.url))
      const answer = await send(open, modern('tools/list'))
      expect(answer).toMatchObject({
        status: 200,
        last: { id: 1, error: { data: { reason: 'needs_login' } } },
      })
      expect(JSON.stringify(answer)).not.toContain('canary')
    },
  )

  test('because it is away is no bare 4xx: clients would take it for an older server', async () => {
    const server = await startModernServer()
    await using open = openProxy({ era: { modern: true } })
    open.register(registered(server.url))
    await server.stop()
    expect(await send(open, call('echo', { message: 'x' }, { id: 'a' }))).toMatchObject({
      status: 200,
      last: { id: 'a', error: { code: -32_603, data: { reason: 'unreachable' } } },
    })
  })
})

describe('a modern call', () => {
  test('gives its progress before its result', async () => {
    await using server = await startModernServer()
    await using open = openProxy({ era: { modern: true } })
    open.register(registered(server.url))
    const { body, headers } = call('hold', {}, { id: 'held', meta: { progressToken: 'p' } })
    const answer = await open.proxy.handle(exchangeOf(body, { headers }))
    if (answer.kind !== 'stream') throw new Error('expected a stream')
    const messages = []
    for await (const chunk of answer.chunks) {
      messages.push(...messagesOf(chunk))
      if (messages.length === 1) server.release()
    }
    expect(messages).toMatchObject([
      { method: 'notifications/progress', params: { progressToken: 'p' } },
      { id: 'held', result: { content: [{ text: 'released' }] } },
    ])
  })

  test('F28: is cancelled at the server when its client goes away', async () => {
    await using server = await startModernServer()
    await using open = openProxy({ timeouts: { streamAfterMs: 30, heartbeatMs: 30 } })
    open.register(registered(server.url))
    const gone = new AbortController()
    const { body, headers } = call('hold')
    const answer = await open.proxy.handle(exchangeOf(body, { headers, signal: gone.signal }))
    const read = seen(answer)
    gone.abort()
    await expect.poll(() => server.cancellations).toEqual(['hold'])
    // What nobody reads any more ends at once.
    expect((await read).last).toMatchObject({ error: { data: { reason: 'aborted' } } })
    await expect.poll(() => open.pool.stats().active).toBe(0)
  })

  test('F28: is cancelled also while the server has not said a word', async () => {
    await using upstream = await startHttpUpstream(() => {})
    await using open = openProxy({ era: { modern: true } })
    open.register(registered(upstream.url))
    const gone = new AbortController()
    const { body, headers } = call('hold')
    const answer = open.proxy.handle(exchangeOf(body, { headers, signal: gone.signal }))
    await expect.poll(() => upstream.requests.length).toBe(1)
    gone.abort()
    await expect.poll(() => upstream.disconnects).toBe(1)
    await seen(await answer)
    expect(
      open.upstreams.endpoint(open.routes.lookup('default', 'fixture')!.targets[0]!).breaker.stats.failures,
    ).toBe(0)
  })

  test('that is silent for long is kept alive', async () => {
    await using server = await startModernServer()
    await using open = openProxy({ timeouts: { streamAfterMs: 30, heartbeatMs: 30 } })
    open.register(registered(server.url))
    const { body, headers } = call('hold', {}, { id: 1 })
    const answer = await open.proxy.handle(exchangeOf(body, { headers }))
    setTimeout(() => server.release(), 150)
    const { comments, messages } = await seen(answer)
    expect(comments).toBeGreaterThanOrEqual(3)
    expect(messages).toMatchObject([{ id: 1, result: {} }])
  })
})

test('a modern notification is taken with 202', async () => {
  await using upstream = await startHttpUpstream((_request, response) => response.writeHead(202).end())
  await using open = openProxy({ era: { modern: true } })
  open.register(registered(upstream.url))
  const body = { jsonrpc: '2.0', method: 'notifications/x', params: { _meta: META } }
  const headers = { 'mcp-protocol-version': VERSION, 'mcp-method': 'notifications/x' }
  const answer = await seen(await open.proxy.handle(exchangeOf(body, { headers })))
  expect(answer).toMatchObject({ status: 202, text: '' })
  expect(upstream.requests).toHaveLength(1)
})

test('a modern client learns from an older server that it is one', async () => {
  await using server = await startFixtureServer()
  await using open = openProxy({ era: { modern: true } })
  open.register(registered(server.url))
  const answer = await send(open, modern('server/discover'))
  // No code of the modern era: the client falls back to initialize.
  expect(answer).toMatchObject({ status: 400, last: { id: 1, error: { code: -32_000 } } })
})

test('an event stream of a modern server is relayed as it comes', async () => {
  await using upstream = await startHttpUpstream(({ rpcId }, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let step = 1; step <= 3; step += 1) {
      response.write(eventOf({ jsonrpc: '2.0', method: 'notifications/message', params: { step } }))
    }
    response.end(eventOf({ jsonrpc: '2.0', id: rpcId, result: { resultType: 'complete' } }))
  })
  await using open = openProxy({ era: { modern: true } })
  open.register(registered(upstream.url))
  const { messages } = await send(open, modern('tools/list'))
  expect(messages).toMatchObject([
    { params: { step: 1 } },
    { params: { step: 2 } },
    { params: { step: 3 } },
    { id: 1 },
  ])
})
