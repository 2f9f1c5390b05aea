import { type FixtureServer, startFixtureServer, waitUntil } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type OpenGateway, openGateway } from './support/open-gateway.ts'

/** So slow that nothing comes in while a test runs. */
const HARDLY = 0.001

const call = (url: string, name: string, key?: string): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': name,
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 7,
      method: 'tools/call',
      params: {
        name,
        arguments: { message: 'hello' },
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    }),
  })

describe('a gateway with limits', { timeout: 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  let gateway: OpenGateway
  let server: FixtureServer

  beforeAll(async () => {
    server = await startFixtureServer()
    resources.defer(() => server.stop())
    gateway = resources.use(
      await openGateway({
        rates: {
          tenantPerSecond: HARDLY,
          tenantBurst: 30,
          principalPerSecond: HARDLY,
          principalBurst: 5,
          toolPerSecond: HARDLY,
          toolBurst: 3,
        },
        limits: { maxServersPerTenant: 1, maxInFlightPerUpstream: 4 },
      }),
    )
    await gateway.register('notes', server.url)
  })
  afterAll(() => resources.disposeAsync())

  const keyOf = async (name: string): Promise<string> =>
    (await gateway.api('POST', '/keys', { name, role: 'operator' })).json.key

  test.each([
    ['/mcp', 'notes__echo'],
    ['/mcp/notes', 'fail'],
  ])('answers at %s what is too much for a tool with an error that has a reason', async (path, tool) => {
    const key = await keyOf('one')
    for (let index = 0; index < 3; index += 1)
      expect(await (await call(`${gateway.url}${path}`, tool, key)).text()).not.toContain('rate_limited')
    const before = server.executions.length
    const refused = await call(`${gateway.url}${path}`, tool, key)
    expect(refused.status).toBe(200)
    expect(await refused.json()).toMatchObject({
      id: 7,
      error: {
        data: { reason: 'rate_limited', by: 'tool', server: 'notes', setting: 'rates.toolPerSecond' },
      },
    })
    expect(server.executions.length).toBe(before)
  })

  test('refuses what is too much of one principal before it is read, says when to come back, and serves the others', async () => {
    const [greedy, modest] = [await keyOf('greedy'), await keyOf('modest')]
    const answers = []
    for (let index = 0; index < 6; index += 1)
      answers.push(await call(`${gateway.url}/mcp/notes`, 'echo', greedy))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429])
    const refused = answers.at(-1)
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(100)
    expect(refused?.headers.get('ratelimit')).toMatch(/^"principal";r=0;t=\d+$/u)
    expect(refused?.headers.get('ratelimit-policy')).toBe('"principal";q=5;w=5000')
    expect(await refused?.json()).toMatchObject({ error: { data: { reason: 'rate_limited' } } })
    expect(await gateway.api('GET', '/servers', undefined, greedy)).toMatchObject({
      status: 429,
      json: { code: 'rate_limited' },
    })
    expect((await call(`${gateway.url}/mcp/notes`, 'echo', modest)).status).toBe(200)
    // Whoever set the limit can change it.
    for (let index = 0; index < 8; index += 1) expect((await gateway.api('GET', '/servers')).status).toBe(200)
  })

  test('lets nobody take all places of a server', async () => {
    const [greedy, modest] = [await keyOf('greedy'), await keyOf('modest')]
    const held = Array.from({ length: 3 }, () => call(`${gateway.url}/mcp/notes`, 'hold', greedy))
    await waitUntil(
      'the calls are held',
      () => server.executions.filter(({ tool }) => tool === 'hold').length === 3,
    )
    const fourth = await call(`${gateway.url}/mcp/notes`, 'count', greedy)
    expect(await fourth.json()).toMatchObject({
      error: {
        data: { reason: 'too_many_in_flight', by: 'upstream', setting: 'limits.maxInFlightPerUpstream' },
      },
    })
    expect(await (await call(`${gateway.url}/mcp/notes`, 'count', modest)).text()).not.toContain(
      'too_many_in_flight',
    )
    server.release()
    for (const answer of held) expect(await (await answer).text()).toContain('released')
    expect(await (await call(`${gateway.url}/mcp/notes`, 'count', greedy)).text()).not.toContain(
      'too_many_in_flight',
    )
  })

  test('S57 registers as many servers for a tenant as it may, and no more', async () => {
    const endpoints = [{ transport: 'streamable-http', url: server.url }]
    expect(await gateway.api('POST', '/servers', { slug: 'more', endpoints })).toMatchObject({
      status: 409,
      json: { code: 'too_many_servers' },
    })
    expect((await gateway.api('GET', '/servers')).json.items).toHaveLength(1)
  })

  test('S36 counts all keys of a tenant together, and shows in its metrics what it refused', async () => {
    const statuses: number[] = []
    for (let index = 0; index < 8; index += 1) {
      const key = await keyOf(`key ${index}`)
      for (let round = 0; round < 5; round += 1)
        statuses.push((await call(`${gateway.url}/mcp/notes`, 'echo', key)).status)
    }
    const through = statuses.filter((status) => status === 200).length
    expect(through).toBeLessThanOrEqual(30)
    expect(statuses.at(-1)).toBe(429)
    const page = await fetch(`${gateway.url}/metrics`, {
      headers: { authorization: 'Bearer mreg_a_key_for_this_test_0123456789' },
    })
    const text = await page.text()
    expect(text).toContain(`mreg_requests_limited_total{by="tenant"} ${40 - through}`)
    expect(text).toContain('mreg_requests_limited_total{by="principal"} 2')
  })
})
