import { randomUUID } from 'node:crypto'

import { createMemoryCache } from '@mreg/cache'
import type { Principal } from '@mreg/core'
import {
  answerJson,
  eventOf,
  freePort,
  type HttpUpstream,
  type HttpUpstreamHandler,
  startDualEraServer,
  startFaultProxy,
  startHttpUpstream,
} from '@mreg/testing'
import { isJsonObject, type JsonObject } from '@mreg/upstream'
import { describe, expect, test } from 'vitest'

import { exchangeOf, INITIALIZE, initialize, requestOf, type SeenAnswer, seen } from './support/exchanges.ts'
import { type ModernFields, sendModern } from './support/modern-exchanges.ts'
import { openFallback } from './support/open-fallback.ts'
import { openMerged } from './support/open-merged.ts'
import { openProxy, registered, type ServerFields } from './support/open-proxy.ts'

const STALE = 'dev.mreg/stale'
const CIRCUIT = { failureThreshold: 2, openMs: 60_000, maxOpenMs: 60_000 }
const ANN: Principal = { id: 'ann', tenantId: 'default', role: 'user', kind: 'key' }
const BOB: Principal = { ...ANN, id: 'bob' }
const RESOURCE = 'test://static-text'

const memberOf = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, key) => (isJsonObject(inner) ? inner[key] : undefined), value)
const objectOf = (value: unknown): JsonObject => (isJsonObject(value) ? value : {})
const staleIn = ({ last }: SeenAnswer): unknown => memberOf(last, 'result', '_meta', STALE)
const reasonIn = ({ last }: SeenAnswer): unknown => memberOf(last, 'error', 'data', 'reason')

/** Gives the result of a request, or an error; undefined: nothing. */
type AnswerOf = (request: { readonly method: string; readonly params: JsonObject }) => object | undefined

/** A server of the newer era that gives results as told; `undefined` breaks the connection. */
const startModern = async (result: AnswerOf) => {
  const handler: HttpUpstreamHandler = ({ body, rpcId: id, rpcMethod = '' }, response) => {
    const params = memberOf(JSON.parse(body), 'params')
    const given = result({ method: rpcMethod, params: isJsonObject(params) ? params : {} })
    if (given === undefined) response.destroy()
    else
      answerJson(
        response,
        'error' in given ? { jsonrpc: '2.0', id, ...given } : { jsonrpc: '2.0', id, result: given },
      )
  }
  return startHttpUpstream(handler)
}

const DISCOVERED = {
  resultType: 'complete',
  supportedVersions: ['2026-07-28'],
  capabilities: {},
  ttlMs: 0,
  cacheScope: 'private',
}

/** A proxy with a fallback in front of one modern server, which answers everything but `server/discover` as told. */
const openWith = async (
  answer: AnswerOf,
  settings: ServerFields['settings'] = {},
  bounds: Parameters<typeof openFallback>[0] = {},
) => {
  const server: HttpUpstream = await startModern((request) =>
    request.method === 'server/discover' ? DISCOVERED : answer(request),
  )
  const { clock, fallback, kept } = openFallback(bounds)
  const open = openProxy({ fallback, breaker: CIRCUIT, era: { modern: true, legacy: false } })
  const registration = registered(server.url, { settings })
  open.register(registration)
  const ask = (method: string, params: Record<string, unknown> = {}, fields: ModernFields = {}) =>
    sendModern(open, method, params, fields)
  return {
    ask,
    clock,
    fallback,
    kept,
    open,
    registration,
    server,
    async [Symbol.asyncDispose]() {
      await open[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const LIST = {
  resultType: 'complete',
  tools: [{ name: 'a', inputSchema: {} }],
  ttlMs: 0,
  cacheScope: 'private',
}
const READ = (ttlMs: number, cacheScope = 'private') => ({
  resultType: 'complete',
  contents: [{ uri: RESOURCE, text: 'kept' }],
  ttlMs,
  cacheScope,
})

describe('while a server is away (F1, F24; baseline: cached fallback on an open breaker)', () => {
  const METHODS: [string, Record<string, unknown>][] = [
    ['tools/list', {}],
    ['prompts/list', {}],
    ['resources/list', {}],
    ['resources/templates/list', {}],
    ['resources/read', { uri: RESOURCE }],
    ['prompts/get', { name: 'test_simple_prompt' }],
  ]
  const settings = { fallback: { staleReads: true } }

  test.each([
    ['modern', { legacy: 'none' }],
    ['legacy', { modern: false }],
  ] as const)(
    'its last answers stand in for clients of both eras: a server of the %s era',
    async (era, eras) => {
      await using server = await startDualEraServer(eras)
      const { clock, fallback, kept } = openFallback()
      await using open = openProxy({ fallback, breaker: CIRCUIT })
      open.register(registered(server.url, { settings }))
      const legacy = await initialize(open.proxy)
      const both = [
        (method: string, params: Record<string, unknown>) => sendModern(open, method, params, { id: 'm' }),
        (method: string, params: Record<string, unknown>) => legacy.ask(requestOf(method, params, 'l')),
      ]
      const before: SeenAnswer[] = []
      for (const ask of both) for (const [method, params] of METHODS) before.push(await ask(method, params))
      await sendModern(open, 'server/discover')
      for (const answer of before) expect(answer.last).toHaveProperty('result')
      // One `initialize`, one `server/discover`, and every method for every era.
      await kept(2 + before.length)

      await server.stop()
      clock.now += 1500
      const reasons = new Set<unknown>()
      for (const ask of both) {
        for (const [method, params] of METHODS) {
          const answer = await ask(method, params)
          const { result, ...head } = before.shift()?.last ?? {}
          const stale = staleIn(answer)
          reasons.add(memberOf(stale, 'reason'))
          expect(stale).toMatchObject({ ageMs: 1500 })
          // Nothing but the mark is new.
          const meta = { ...objectOf(memberOf(result, '_meta')), [STALE]: stale }
          expect(answer.last).toEqual({ ...head, result: { ...objectOf(result), _meta: meta } })
          expect(answer.status).toBe(200)
        }
      }
      expect(reasons).toContain('circuit_open')
      expect((await sendModern(open, 'server/discover')).last).toHaveProperty('result')
      // What a server of the older era has said when its session began is known without asking again.
      expect(fallback.figures).toMatchObject({ served: era === 'modern' ? 13 : 12, missed: 0 })
    },
  )

  test('a client that comes now can initialise, and its session works when the server is back', async () => {
    await using server = await startDualEraServer({ modern: false })
    const { fallback, kept } = openFallback()
    await using open = openProxy({ fallback, breaker: { failureThreshold: 1, openMs: 50, maxOpenMs: 50 } })
    open.register(registered(server.url))
    await (await initialize(open.proxy)).ask(requestOf('tools/list'))
    await kept(2)
    await server.stop()

    const answer = await seen(await open.proxy.handle(exchangeOf(INITIALIZE)))
    expect(staleIn(answer)).toMatchObject({ reason: expect.any(String) })
    const token = answer.headers['mcp-session-id'] ?? ''
    const ask = async (body: object) =>
      seen(
        await open.proxy.handle(
          exchangeOf(body, { headers: { 'mcp-session-id': token, 'mcp-protocol-version': '2025-11-25' } }),
        ),
      )
    expect(staleIn(await ask(requestOf('tools/list')))).toBeDefined()

    await using back = await startDualEraServer({ modern: false, port: server.port })
    await expect.poll(async () => staleIn(await ask(requestOf('tools/list')))).toBeUndefined()
    expect(back.sessionIds).toHaveLength(1)
  })

  test('what was never asked is the error that says what is wrong, and when to try again', async () => {
    await using one = await openWith(() => LIST)
    await one.server.stop()
    await one.ask('tools/list')
    await one.ask('tools/list')
    const { last } = await one.ask('tools/list', {}, { id: 'x', requestId: 'request-9' })
    expect(last).toMatchObject({
      id: 'x',
      error: {
        message: expect.stringMatching(/^Server "fixture" is unavailable/u),
        data: {
          reason: 'circuit_open',
          server: 'fixture',
          retryAfterMs: expect.any(Number),
          requestId: 'request-9',
        },
      },
    })
    expect(one.fallback.figures).toEqual({ kept: 0, served: 0, missed: 3 })
  })

  test('what merged clients read stands in as well', async () => {
    await using server = await startDualEraServer({ legacy: 'none' })
    const { fallback } = openFallback()
    await using merged = await openMerged({}, { fallback, breaker: CIRCUIT })
    merged.register(registered(server.url, { settings }))
    const read = () => sendModern({ proxy: merged.merged }, 'resources/read', { uri: RESOURCE }, { slug: '' })
    await expect.poll(async () => (await read()).last).toHaveProperty('result')
    // Two lists of everything and the resource itself.
    await expect.poll(() => fallback.figures.kept).toBeGreaterThan(4)
    await server.stop()
    await expect.poll(async () => staleIn(await read())).toMatchObject({ reason: expect.any(String) })
  })
})

describe('an answer stands in', () => {
  test.each([
    ['breaks off in the middle (F7, F8)', 'application/json', '{"jsonrpc":"2.0",', 4000],
    ['answers with a page (F14)', 'text/html', '<p>Bad gateway</p>', undefined],
    ['answers with something else than JSON (F15)', 'application/json', 'nonsense', undefined],
  ])('for a server that %s', async (_what, type, body, length) => {
    await using one = await openWith(() => LIST)
    await one.ask('tools/list')
    await one.kept(1)
    one.server.answer((_request, response) => {
      response.writeHead(200, { 'content-type': type, ...(length && { 'content-length': length }) })
      if (length === undefined) response.end(body)
      else response.write(body, () => response.destroy())
    })
    expect(staleIn(await one.ask('tools/list'))).toMatchObject({ reason: expect.any(String) })
  })

  test.each([500, 502, 503, 504])('for HTTP %i (F22)', async (status) => {
    await using one = await openWith(() => LIST)
    await one.ask('tools/list')
    await one.kept(1)
    one.server.answer((_request, response) => void response.writeHead(status, { 'retry-after': '7' }).end())
    expect(staleIn(await one.ask('tools/list'))).toEqual({
      ageMs: 0,
      reason: 'upstream_status',
      retryAfterMs: 7000,
    })
  })

  test('for one that hangs, whose answer came on a stream before (F6)', async () => {
    await using one = await openWith(() => LIST)
    one.server.answer(({ rpcId: id }, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(eventOf({ jsonrpc: '2.0', id, result: LIST }))
    })
    await one.ask('tools/list')
    await one.kept(1)
    await using hanging = await startFaultProxy({ port: one.server.port })
    hanging.pause()
    const url = `http://127.0.0.1:${hanging.port}/mcp`
    const { id } = one.registration
    one.open.register(registered(url, { id, settings: { requestTimeoutMs: 200 } }))
    expect(staleIn(await one.ask('tools/list'))).toMatchObject({ reason: expect.stringContaining('timeout') })
  })

  test.each([
    ['wants credentials', 401],
    ['forbids', 403],
    ['asks to be called less often', 429],
    ['refuses', 400],
    ['knows no such thing', 404],
  ])('not for one that %s', async (_what, status) => {
    await using one = await openWith(() => LIST)
    await one.ask('tools/list')
    await one.kept(1)
    one.server.answer((_request, response) => void response.writeHead(status).end())
    const answer = await one.ask('tools/list')
    expect(staleIn(answer)).toBeUndefined()
    expect(answer.last).toHaveProperty('error')
  })

  test('not for an error that the server gives itself, and an error is never kept', async () => {
    const error = { error: { code: -32_000, message: 'no' } }
    let answer: object = error
    await using one = await openWith(() => answer)
    await one.ask('tools/list')
    answer = LIST
    await one.ask('tools/list')
    await one.kept(1)
    answer = error
    expect((await one.ask('tools/list')).last).toMatchObject(error)
  })

  test('until max-stale is over, whatever the cache still has', async () => {
    await using one = await openWith(() => READ(1000))
    await one.ask('resources/read', { uri: RESOURCE })
    await one.kept(1)
    await one.server.stop()
    one.clock.now += 61_000
    expect(staleIn(await one.ask('resources/read', { uri: RESOURCE }))).toMatchObject({ ageMs: 61_000 })
    one.clock.now += 1
    expect(reasonIn(await one.ask('resources/read', { uri: RESOURCE }))).toBeDefined()
  })

  test('with a `ttlMs` that has clients ask again soon', async () => {
    await using one = await openWith(() => READ(600_000))
    await one.ask('resources/read', { uri: RESOURCE })
    await one.kept(1)
    await one.server.stop()
    expect((await one.ask('resources/read', { uri: RESOURCE })).last).toMatchObject({
      result: { ttlMs: 5000, cacheScope: 'private', resultType: 'complete' },
    })
    one.clock.now += 599_000
    expect((await one.ask('resources/read', { uri: RESOURCE })).last).toMatchObject({
      result: { ttlMs: 1000 },
    })
    one.clock.now += 2000
    expect((await one.ask('resources/read', { uri: RESOURCE })).last).toMatchObject({ result: { ttlMs: 0 } })
  })

  test.each([
    ['cursor', { cursor: '2' }],
    ['vendor parameter', { 'x-filter': { b: 1, a: [2] } }],
  ])(
    'only for the same %s, in whatever order its members are, whatever is in _meta',
    async (_what, params) => {
      await using one = await openWith(() => LIST)
      await one.ask('tools/list', params, { meta: { progressToken: 1 } })
      await one.kept(1)
      await one.server.stop()
      const turned = JSON.parse(JSON.stringify(params).replace('{"b":1,"a":[2]}', '{"a":[2],"b":1}'))
      expect(staleIn(await one.ask('tools/list', turned, { meta: { progressToken: 2 } }))).toBeDefined()
      expect(staleIn(await one.ask('tools/list'))).toBeUndefined()
      expect(staleIn(await one.ask('prompts/list', params))).toBeUndefined()
    },
  )

  test('not once the server is registered anew', async () => {
    await using one = await openWith(() => LIST)
    await one.ask('tools/list')
    await one.kept(1)
    await one.server.stop()
    one.open.register({ ...one.registration, revision: 2 })
    expect(staleIn(await one.ask('tools/list'))).toBeUndefined()
  })
})

describe('what models read', () => {
  test('stands in only when the server has said how long it is good', async () => {
    await using one = await openWith(({ params }) => READ(params['uri'] === 'test://timed' ? 1 : 0))
    await one.ask('resources/read', { uri: 'test://timed' })
    await one.ask('resources/read', { uri: 'test://untimed' })
    await one.kept(1)
    await one.server.stop()
    expect(staleIn(await one.ask('resources/read', { uri: 'test://timed' }))).toBeDefined()
    expect(reasonIn(await one.ask('resources/read', { uri: 'test://untimed' }))).toBeDefined()
  })

  test('stands in for clients of the older era as well when the server has said it', async () => {
    await using one = await openWith(() => READ(60_000))
    const { ask } = await initialize(one.open.proxy)
    await ask(requestOf('resources/read', { uri: RESOURCE }))
    await one.kept(2)
    await one.server.stop()
    const answer = await ask(requestOf('resources/read', { uri: RESOURCE }, 5))
    expect(answer.last).toEqual({
      jsonrpc: '2.0',
      id: 5,
      result: {
        contents: [{ uri: RESOURCE, text: 'kept' }],
        _meta: { [STALE]: { ageMs: 0, reason: expect.any(String) } },
      },
    })
  })

  test('S24 is never a question, nor the answer to one (MRTR)', async () => {
    const question = { resultType: 'input_required', inputRequests: {}, requestState: 's', ttlMs: 60_000 }
    await using one = await openWith(({ params }) =>
      params['requestState'] === undefined ? question : READ(60_000),
    )
    await one.ask('resources/read', { uri: RESOURCE })
    await one.ask('resources/read', { uri: RESOURCE, requestState: 's', inputResponses: {} })
    one.server.answer(({ rpcId: id }, response) =>
      answerJson(response, { jsonrpc: '2.0', id, result: READ(60_000) }),
    )
    await one.ask('resources/read', { uri: 'test://other' })
    await one.kept(1)
    await one.server.stop()
    expect(reasonIn(await one.ask('resources/read', { uri: RESOURCE }))).toBeDefined()
    const again = { uri: 'test://other', requestState: 's', inputResponses: {} }
    expect(reasonIn(await one.ask('resources/read', again))).toBeDefined()
  })
})

const call = (name: string, value: unknown = 1) => ({ name, arguments: { value } })

describe('a tool', () => {
  const OK = { resultType: 'complete', content: [{ type: 'text', text: 'ok' }] }
  const cacheable = { fallback: { tools: { quote: { ttlMs: 1000 }, broken: { ttlMs: 1000 } } } }

  test('stands in only when the administrator has named it, for the same arguments, and never with an error', async () => {
    const failed = { ...OK, isError: true }
    await using one = await openWith(({ params }) => (params['name'] === 'broken' ? failed : OK), cacheable)
    for (const params of [call('broken'), call('transfer'), call('quote')])
      await one.ask('tools/call', params)
    await one.kept(1)
    const sent = one.server.requests.length
    await one.server.stop()
    expect(staleIn(await one.ask('tools/call', call('quote')))).toMatchObject({ ageMs: 0 })
    for (const params of [call('quote', 2), call('transfer'), call('broken')])
      expect(reasonIn(await one.ask('tools/call', params))).toBeDefined()
    expect(one.server.requests).toHaveLength(sent)
  })

  test('S38 named like what every object has is not one that the administrator has named', async () => {
    await using one = await openWith(() => OK, cacheable)
    await one.ask('tools/call', call('constructor'))
    await one.ask('tools/call', call('quote'))
    await one.kept(1)
    await one.server.stop()
    expect(reasonIn(await one.ask('tools/call', call('constructor')))).toBeDefined()
  })
})

describe('what one principal has seen', () => {
  test.each([
    ['private', {}],
    ['public', {}],
    ['private', { fallback: { sharePublic: true } }],
    ['public', { fallback: { sharePublic: true }, login: 'principal' }],
  ] as const)('stands in for no other: %s, %j (S24)', async (scope, settings) => {
    await using one = await openWith(() => READ(60_000, scope), settings)
    await one.ask('resources/read', { uri: RESOURCE }, { principal: ANN })
    await one.kept(1)
    await one.server.stop()
    expect(staleIn(await one.ask('resources/read', { uri: RESOURCE }, { principal: BOB }))).toBeUndefined()
    expect(staleIn(await one.ask('resources/read', { uri: RESOURCE }, { principal: ANN }))).toBeDefined()
  })

  test('S24 stands in for others of its tenant when it is public and the administrator believes that', async () => {
    await using one = await openWith(() => READ(60_000, 'public'), { fallback: { sharePublic: true } })
    await one.ask('resources/read', { uri: RESOURCE }, { principal: ANN })
    await one.kept(1)
    await one.server.stop()
    expect(staleIn(await one.ask('resources/read', { uri: RESOURCE }, { principal: BOB }))).toBeDefined()
  })

  test('of 200 who read at once with the same id, each gets its own back (S22, S24)', async () => {
    await using one = await openWith(({ params }) => ({ ...READ(60_000), mine: params['x-who'] }))
    const everybody = Array.from({ length: 200 }, (_, index) => ({ ...ANN, id: `principal-${index}` }))
    const readAll = () =>
      Promise.all(
        everybody.map(async (principal) => {
          const { last } = await one.ask(
            'resources/read',
            { uri: RESOURCE, 'x-who': principal.id },
            { principal },
          )
          return memberOf(last, 'result', 'mine')
        }),
      )
    const own = everybody.map(({ id }) => id)
    expect(await readAll()).toEqual(own)
    await one.kept(200)
    await one.server.stop()
    expect(await readAll()).toEqual(own)
    expect(one.fallback.figures.served).toBe(200)
  })
})

describe('the cache', () => {
  test('is never read while the server answers, and written once for many', async () => {
    await using one = await openWith(() => LIST)
    for (let round = 0; round < 20; round += 1) await one.ask('tools/list')
    await one.kept(1)
    expect(one.fallback.figures).toEqual({ kept: 1, served: 0, missed: 0 })
    one.clock.now += 2000
    await one.ask('tools/list')
    await one.kept(2)
  })

  test('gets nothing that is larger than the bound', async () => {
    const large = { ...LIST, tools: [{ name: 'a'.repeat(3000), inputSchema: {} }] }
    await using one = await openWith(
      ({ method }) => (method === 'tools/list' ? large : LIST),
      {},
      { maxAnswerBytes: 2048 },
    )
    await one.ask('tools/list')
    await one.ask('prompts/list')
    await one.kept(1)
    await one.server.stop()
    expect(reasonIn(await one.ask('tools/list'))).toBeDefined()
    expect(staleIn(await one.ask('prompts/list'))).toBeDefined()
  })

  test('that is closed under it changes nothing but that nothing stands in', async () => {
    const cache = createMemoryCache()
    await using one = await openWith(() => LIST, {}, { cache })
    await cache[Symbol.asyncDispose]()
    expect((await one.ask('tools/list')).last).toHaveProperty('result')
    await one.server.stop()
    expect(reasonIn(await one.ask('tools/list'))).toBeDefined()
  })

  test('is left alone when max-stale is 0', async () => {
    await using one = await openWith(() => LIST, { fallback: { maxStaleMs: 0 } })
    await one.ask('tools/list')
    await one.server.stop()
    expect(reasonIn(await one.ask('tools/list'))).toBeDefined()
    expect(one.fallback.figures).toEqual({ kept: 0, served: 0, missed: 0 })
  })
})

test('a server that was never there is an error as before', async () => {
  const { fallback } = openFallback()
  await using open = openProxy({ fallback, breaker: CIRCUIT })
  open.register(registered(`http://127.0.0.1:${await freePort()}/mcp`, { id: randomUUID() }))
  expect(reasonIn(await sendModern(open, 'tools/list'))).toBe('unreachable')
})
