import { startFixtureServer } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { callOf, errorOf, exchangeOf, initialize, requestOf, seen } from './support/exchanges.ts'
import { openProxy, registered } from './support/open-proxy.ts'

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`

describe('a body that is no message is refused, and never reaches the server (S37, S39, S40)', () => {
  test.each<[string, string | Uint8Array, number, unknown, string]>([
    ['empty', '', -32_700, null, 'malformed_json'],
    ['cut off', '{"jsonrpc":"2.0","id":1,"method":"tools/list"', -32_700, null, 'malformed_json'],
    ['no JSON', 'hello', -32_700, null, 'malformed_json'],
    ['with a comma too many', '{"jsonrpc":"2.0","id":1,"method":"x",}', -32_700, null, 'malformed_json'],
    ['with something behind it', '{"jsonrpc":"2.0","id":1,"method":"x"} x', -32_700, null, 'malformed_json'],
    ['no UTF-8', Buffer.from('7b226a736f6e727063ff223a22322e30227d', 'hex'), -32_700, null, 'invalid_utf8'],
    ['an empty batch', '[]', -32_600, null, 'batch'],
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32_600, null, 'batch'],
    [
      'a batch of 100,000',
      `[${'{"jsonrpc":"2.0","id":1,"method":"ping"},'.repeat(99_999)}{}]`,
      -32_600,
      null,
      'batch',
    ],
    ['a text', '"tools/list"', -32_600, null, 'not_jsonrpc'],
    ['null', 'null', -32_600, null, 'not_jsonrpc'],
    ['of another version', '{"jsonrpc":"1.0","id":1,"method":"x"}', -32_600, 1, 'not_jsonrpc'],
    ['without a version', '{"id":"a","method":"x"}', -32_600, 'a', 'not_jsonrpc'],
    ['neither request nor response', '{"jsonrpc":"2.0","id":1}', -32_600, 1, 'not_jsonrpc'],
    ['with a method that is no text', '{"jsonrpc":"2.0","id":1,"method":7}', -32_600, 1, 'invalid_method'],
    [
      'with params that are no object',
      '{"jsonrpc":"2.0","id":1,"method":"x","params":[1]}',
      -32_600,
      1,
      'invalid_params',
    ],
    ['with an id that is null', '{"jsonrpc":"2.0","id":null,"method":"x"}', -32_600, null, 'invalid_id'],
    ['with an id that is no integer', '{"jsonrpc":"2.0","id":1.5,"method":"x"}', -32_600, null, 'invalid_id'],
    [
      'with an id that loses digits',
      '{"jsonrpc":"2.0","id":9007199254740993,"method":"x"}',
      -32_600,
      null,
      'invalid_id',
    ],
    [
      'with two methods',
      '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}',
      -32_600,
      null,
      'duplicate_key',
    ],
    ['with two ids', '{"jsonrpc":"2.0","id":1,"id":2,"method":"x"}', -32_600, null, 'duplicate_key'],
    [
      'with a method in disguise',
      '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}',
      -32_600,
      1,
      'confusable_key',
    ],
    [
      'nested too deep',
      `{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":${nested(80)}}}`,
      -32_600,
      null,
      'too_deep',
    ],
    ['nested beyond all reason', nested(100_000), -32_600, null, 'too_deep'],
  ])('%s', async (_what, body, code, id, reason) => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)
    const before = server.requestHeaders.length
    const answer = await ask(body, { requestId: 'request-7' })
    expect(answer.status).toBe(400)
    expect(answer.last).toMatchObject({
      jsonrpc: '2.0',
      id,
      error: { code, data: { reason, requestId: 'request-7' } },
    })
    expect(server.requestHeaders).toHaveLength(before)
  })

  test('S38 of keys that mean something to JavaScript is passed on as it is, and does no harm', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)
    const text =
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hi","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}}}'
    expect((await ask(text)).last).toMatchObject({ id: 1, result: { content: [{ text: 'hi' }] } })
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

describe('the depth of messages', () => {
  test('is a setting, for what clients send and for what servers answer', async () => {
    await using server = await startFixtureServer()
    await using strict = openProxy({ maxJsonDepth: 10 })
    await using lenient = openProxy({ maxJsonDepth: 200 })
    const fixture = registered(server.url)
    strict.register(fixture)
    lenient.register(fixture)
    const message = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"x":${nested(50)}}}}`
    expect((await (await initialize(strict.proxy)).ask(message)).status).toBe(400)
    expect((await (await initialize(lenient.proxy)).ask(message)).last).toMatchObject({
      result: { tools: [{}, {}, {}, {}] },
    })
  })
})

describe('a server that is not there', () => {
  test.each([
    ['POST', requestOf('tools/list', {}, 'a'), 'a'],
    ['POST', requestOf('tools/list', {}, 0), 0],
    ['POST', { jsonrpc: '2.0', method: 'notifications/initialized' }, null],
    ['GET', undefined, null],
    ['DELETE', undefined, null],
  ] as const)('is 404 with a JSON-RPC body and the id: %s %j', async (method, body, id) => {
    await using open = openProxy()
    const answer = await seen(
      await open.proxy.handle(exchangeOf(body, { method, slug: 'nobody', requestId: 'request-7' })),
    )
    expect(answer.status).toBe(404)
    expect(answer.headers['content-type']).toBe('application/json')
    expect(answer.last).toMatchObject({
      jsonrpc: '2.0',
      id,
      error: {
        code: -32_603,
        message: 'No server is registered as "nobody".',
        data: { reason: 'server_not_found', server: 'nobody', requestId: 'request-7' },
      },
    })
  })

  test('is the same as one of another tenant', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url, { tenantId: 'other' }))
    const answer = await seen(await open.proxy.handle(exchangeOf(requestOf('tools/list'))))
    expect(answer.status).toBe(404)
    expect(errorOf(answer.last).data).toMatchObject({ reason: 'server_not_found' })
    expect(server.requestHeaders).toEqual([])
  })

  test.each(['__proto__', 'constructor', 'toString', '', '../x', 'Fixture'])('is also %j', async (slug) => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    expect((await open.proxy.handle(exchangeOf(requestOf('tools/list'), { slug }))).status).toBe(404)
  })
})

test('a server without an endpoint is an error with the id, and no crash', async () => {
  await using open = openProxy()
  open.register(registered([]))
  const answer = await seen(await open.proxy.handle(exchangeOf(requestOf('initialize', {}, 'a'))))
  expect(answer).toMatchObject({
    status: 200,
    last: { id: 'a', error: { data: { reason: 'transport_unsupported' } } },
  })
})

test('S44: what was wrong before does not spoil what comes after', async () => {
  await using server = await startFixtureServer()
  await using open = openProxy()
  open.register(registered(server.url))
  const { ask } = await initialize(open.proxy)
  for (const body of ['{', '[]', nested(1000), '\u0000', '{"jsonrpc":"2.0"}']) await ask(body)
  expect((await ask(callOf('echo', { message: 'still here' }))).last).toMatchObject({
    result: { content: [{ text: 'still here' }] },
  })
})
