import { answerJson, startHttpUpstream } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { SERVERS } from './matrix/servers.ts'
import { callOf, initialize, requestOf } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { openProxy, registered } from './support/open-proxy.ts'

const TOOL = 'test_custom_header'
const BLIND = SERVERS.filter(({ slug }) => /^(stateful-http|http-sse|legacy-stdio|modern-stdio)$/u.test(slug))

describe.each(BLIND)('on behalf of a server that sees no headers ($server)', ({ start }) => {
  test('S32 what a client repeats of the arguments is compared with them', { timeout: 120_000 }, async () => {
    await using server = await start()
    await using open = openProxy({ withProcesses: true, timeouts: { requestMs: 60_000 } })
    const { command, sseUrl, url = '' } = server
    open.register(registered(sseUrl ?? url, sseUrl === undefined ? { command } : { transport: 'sse' }))
    const call = async (
      region: string | undefined,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<unknown> => {
      const params = { name: TOOL, arguments: region === undefined ? {} : { region } }
      const { last, status } = await sendModern(open, 'tools/call', params, { headers })
      return { status, ...last }
    }
    const refused = { status: 400, id: 1, error: { code: -32_020 } }

    // A client that repeats something knows the tool; the gateway has yet to ask for it.
    expect(await call('zurich', { 'mcp-param-region': 'bern' })).toMatchObject(refused)
    const passed = { status: 200, result: { content: [{ text: 'region zürich' }] } }
    expect(await call('zürich', { 'mcp-param-region': '=?base64?esO8cmljaA==?=' })).toMatchObject(passed)
    expect(await call('zürich')).toMatchObject({
      ...refused,
      error: { message: expect.stringContaining('Mcp-Param-Region is missing') as unknown },
    })
    expect(await call('zürich', { 'mcp-param-region': '=?base64?x?=' })).toMatchObject(refused)
    expect(await call(undefined, { 'mcp-param-region': 'bern' })).toMatchObject(refused)
    // One that no tool has a mark for is nobody's business.
    const more = { 'mcp-param-region': '=?base64?esO8cmljaA==?=', 'mcp-param-other': 'x' }
    expect(await call('zürich', more)).toMatchObject(passed)
  })
})

test('a list that passes is enough to know what a tool wants repeated', async () => {
  let lists = 0
  await using upstream = await startHttpUpstream(({ method, rpcId: id, rpcMethod }, reply) => {
    if (method !== 'POST' || id === undefined) return void reply.writeHead(id === undefined ? 202 : 405).end()
    const answer = (result: object): void => answerJson(reply, { jsonrpc: '2.0', id, result })
    if (rpcMethod === 'initialize')
      return answer({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'x' } })
    if (rpcMethod === 'tools/call') return answer({ content: [] })
    lists += 1
    const marked = lists === 1
    const level = { type: 'integer', ...(marked ? { 'x-mcp-header': 'Level' } : {}) }
    return answer({ tools: [{ name: 'lift', inputSchema: { type: 'object', properties: { level } } }] })
  })
  await using open = openProxy({ era: { legacy: true, modern: false } })
  open.register(registered(upstream.url))
  const call = async (headers: Readonly<Record<string, string>> = {}): Promise<number> =>
    (await sendModern(open, 'tools/call', { name: 'lift', arguments: { level: 42 } }, { headers })).status
  // Nobody has said anything of the tool yet, and neither does the client.
  expect(await call()).toBe(200)
  expect(lists).toBe(0)
  await sendModern(open, 'tools/list')
  expect(await call()).toBe(400)
  expect(await call({ 'mcp-param-level': '42.0' })).toBe(200)
  expect(await call({ 'mcp-param-level': '43' })).toBe(400)
  expect(lists).toBe(1)
  // A tool that wants it no more is not held to it.
  await sendModern(open, 'tools/list')
  expect(await call()).toBe(200)
})

/** A tool with a text for each header in which one is to be repeated. */
const toolWith = (name: string, ...headers: string[]): object => ({
  name,
  inputSchema: {
    type: 'object',
    properties: Object.fromEntries(
      headers.map((header, index) => [`p${index}`, { type: 'string', 'x-mcp-header': header }]),
    ),
  },
})

test('S31: a tool whose marks break the rules is not offered to an older client of a server over HTTP', async () => {
  await using upstream = await startHttpUpstream(({ rpcId: id, rpcMethod }, reply) => {
    const complete = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' }
    const more =
      rpcMethod === 'server/discover'
        ? { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } }
        : {
            tools: [
              toolWith('plain'),
              toolWith('good', 'Region'),
              toolWith('twice', 'A', 'a'),
              toolWith('blank', 'a b'),
            ],
          }
    answerJson(reply, { jsonrpc: '2.0', id, result: { ...complete, ...more } })
  })
  await using open = openProxy({ era: { legacy: false, modern: true } })
  open.register(registered(upstream.url))
  const client = await initialize(open.proxy)
  const { last } = await client.ask(requestOf('tools/list'))
  expect(last).toMatchObject({ result: { tools: [{ name: 'plain' }, { name: 'good' }] } })
  await client.ask(callOf('good', { p0: ' x' }))
  expect(upstream.requests.at(-1)?.headers).toMatchObject({
    'mcp-name': 'good',
    'mcp-param-region': '=?base64?IHg=?=',
  })
})
