import { type HttpUpstream, startHttpUpstream } from '@mreg/testing'
import { isJsonObject, type JsonObject, parseJsonObject } from '@mreg/upstream'
import { describe, expect, test } from 'vitest'

import { exchangeOf, INITIALIZE, initialize, type SeenAnswer, seen } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { openMerged } from './support/open-merged.ts'
import { openProxy, registered } from './support/open-proxy.ts'

type Era = 'legacy' | 'modern'

const PATIENT = { requestMs: 50_000, toolCallMs: 50_000 }
const SERVER_INFO = { name: 'vendor', version: '1', 'vendor/edition': { gold: true } }
const SERVER_INFO_KEY = 'io.modelcontextprotocol/serverInfo'
/** What only the newer era says, and is added or taken away between the eras. */
const COMPLETE = { resultType: 'complete' }
const NOT_CACHED = { ttlMs: 0, cacheScope: 'private' }

/** Numbers that no parser keeps, and letters that need not have been escaped. */
const EXACT = '{"big":12345678901234567890,"half":1.50,"text":"\\u00e9\\/"}'

const TOOL = {
  name: 'scan',
  inputSchema: { type: 'object', 'x-vendor': { unit: 'mm' }, properties: { depth: { 'x-range': [0, 9] } } },
  'vendor/price': { amount: 1.5, currency: 'EUR' },
  _meta: { 'vendor.example/tier': 'gold' },
}

/** The results of a server, as JSON texts without their braces, by method. */
const RESULTS: Readonly<Record<string, string>> = {
  'tools/list': `"tools":[${JSON.stringify(TOOL)}],"vendor/page":{"of":3},"_meta":{"vendor.example/trace":"t"}`,
  'tools/call':
    '"content":[{"type":"vendor/hologram","voxels":[1,2,[3]],"_meta":{"vendor.example/a":null}},{"type":"text","text":"x","vendor/lang":"de"}],' +
    `"structuredContent":{"deep":{"er":[{}]}},"vendor/cost":${EXACT},"_meta":{"vendor.example/trace":"t"}`,
  'vendor/scan': `"vendor/any":[null,true,${EXACT}],"_meta":{"vendor.example/trace":"t"}`,
}

/** The result of `method` as an object, with nothing that is of one era. */
const sentBy = (method: string): JsonObject => parseJsonObject(Buffer.from(`{${RESULTS[method]}}`)) ?? {}

const members = (value: object): string => JSON.stringify(value).slice(1, -1)

const startVendorServer = (era: Era): Promise<HttpUpstream> =>
  startHttpUpstream(({ method, rpcId: id, rpcMethod = '' }, reply) => {
    const capabilities = {
      tools: {},
      'vendor/scan': { modes: ['deep'] },
      experimental: { 'vendor/x': { y: 1 } },
    }
    const answer = (result: string): unknown =>
      reply
        .writeHead(200, { 'content-type': 'application/json' })
        .end(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{${result}}}`)
    if (method !== 'POST') return void reply.writeHead(405).end()
    if (id === undefined) return void reply.writeHead(202).end()
    if (rpcMethod === 'initialize')
      return void answer(members({ protocolVersion: '2025-11-25', capabilities, serverInfo: SERVER_INFO }))
    if (rpcMethod === 'server/discover')
      return void answer(
        members({ ...COMPLETE, ...NOT_CACHED, supportedVersions: ['2026-07-28'], capabilities }),
      )
    const head = rpcMethod === 'tools/list' ? { ...COMPLETE, ...NOT_CACHED } : COMPLETE
    const result = RESULTS[rpcMethod] ?? ''
    return void answer(era === 'modern' ? `${members(head)},${result}` : result)
  })

/** What a client of the newer era gets over and above what the server sent. */
const addedFor = (
  client: Era,
  server: Era,
  method: string,
): { readonly result: object; readonly meta: object } => {
  if (client === 'legacy') return { result: {}, meta: {} }
  const result = method === 'tools/list' ? { ...COMPLETE, ...NOT_CACHED } : COMPLETE
  return { result, meta: server === 'legacy' ? { [SERVER_INFO_KEY]: SERVER_INFO } : {} }
}

/** The one message that the server got for `method`. */
const paramsGot = ({ requests }: HttpUpstream, method: string): JsonObject => {
  const got = requests.findLast(({ rpcMethod }) => rpcMethod === method)
  const params = parseJsonObject(Buffer.from(got?.body ?? ''))?.['params']
  return isJsonObject(params) ? params : {}
}

const PAIRS: readonly (readonly [client: Era, server: Era])[] = [
  ['legacy', 'legacy'],
  ['modern', 'modern'],
  ['legacy', 'modern'],
  ['modern', 'legacy'],
]
const PARAMS = {
  name: 'scan',
  arguments: { depth: 3, 'vendor/arg': [{}] },
  'vendor/option': { nested: [1, null] },
}
const VENDOR_META = {
  'vendor.example/request': { a: [1] },
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
}

describe.each(PAIRS)('between a %s client and a %s server', (client, server) => {
  const eras = { legacy: server === 'legacy', modern: server === 'modern' }

  test.each(['tools/list', 'tools/call', 'vendor/scan'])(
    'what nobody knows passes as it is: %s',
    async (method) => {
      await using upstream = await startVendorServer(server)
      await using open = openProxy({ era: eras, timeouts: PATIENT, connectTimeoutMs: 50_000 })
      open.register(registered(upstream.url))
      const params = method === 'tools/call' ? PARAMS : { 'vendor/option': PARAMS['vendor/option'] }
      const ask = async (): Promise<SeenAnswer> => {
        if (client === 'modern') return sendModern(open, method, params, { meta: VENDOR_META })
        const { ask: askOld } = await initialize(open.proxy)
        return askOld({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: VENDOR_META } })
      }
      const { last, status, text } = await ask()
      expect(status).toBe(200)
      const sent = sentBy(method)
      const added = addedFor(client, server, method)
      const meta = isJsonObject(sent['_meta']) ? sent['_meta'] : {}
      expect(last).toEqual({
        jsonrpc: '2.0',
        id: 1,
        result: { ...sent, ...added.result, _meta: { ...meta, ...added.meta } },
      })
      expect(text.includes(EXACT)).toBe((RESULTS[method] ?? '').includes(EXACT))
      expect(paramsGot(upstream, method)).toMatchObject({ ...params, _meta: VENDOR_META })
    },
  )

  test('capabilities that nobody knows are told', async () => {
    await using upstream = await startVendorServer(server)
    await using open = openProxy({ era: eras, timeouts: PATIENT, connectTimeoutMs: 50_000 })
    open.register(registered(upstream.url))
    const { last } =
      client === 'modern'
        ? await sendModern(open, 'server/discover')
        : await seen(await open.proxy.handle(exchangeOf(INITIALIZE)))
    expect(last).toMatchObject({
      result: {
        capabilities: { 'vendor/scan': { modes: ['deep'] }, experimental: { 'vendor/x': { y: 1 } } },
      },
    })
  })
})

describe.each(PAIRS)('merged, between a %s client and a %s server', (client, server) => {
  test('what nobody knows passes as it is', async () => {
    await using upstream = await startVendorServer(server)
    await using merged = await openMerged(
      { firstListMs: 50_000 },
      {
        era: { legacy: server === 'legacy', modern: server === 'modern' },
        timeouts: PATIENT,
        connectTimeoutMs: 50_000,
      },
    )
    merged.register(registered(upstream.url, { slug: 'vendor' }))
    const proxy = merged.merged
    const initialized = await seen(await proxy.handle(exchangeOf(INITIALIZE)))
    const headers = {
      'mcp-session-id': initialized.headers['mcp-session-id'] ?? '',
      'mcp-protocol-version': '2025-11-25',
    }
    const ask = async (method: string, params: Readonly<Record<string, unknown>>): Promise<SeenAnswer> => {
      if (client === 'modern') return sendModern({ proxy }, method, params, { meta: VENDOR_META })
      const body = { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: VENDOR_META } }
      return seen(await proxy.handle(exchangeOf(body, { headers })))
    }
    // Lists are the gateway's own; the tools in them are the server's, but for their names.
    const { last: list } = await ask('tools/list', {})
    expect(list).toMatchObject({ result: { tools: [{ ...TOOL, name: 'vendor__scan' }] } })

    const { last, text } = await ask('tools/call', { ...PARAMS, name: 'vendor__scan' })
    const sent = sentBy('tools/call')
    const added = addedFor(client, server, 'tools/call')
    const { result } = last
    const meta = isJsonObject(sent['_meta']) ? sent['_meta'] : {}
    expect(isJsonObject(result) && { ...result, _meta: undefined }).toEqual({
      ...sent,
      ...added.result,
      _meta: undefined,
    })
    expect(result).toMatchObject({ _meta: meta })
    expect(text).toContain(EXACT)
    expect(paramsGot(upstream, 'tools/call')).toMatchObject({ ...PARAMS, _meta: VENDOR_META })
  })
})
