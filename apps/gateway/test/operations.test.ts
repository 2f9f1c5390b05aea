import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createSettings, silentLogger } from '@mreg/core'
import { type DualEraServer, startDualEraServer } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createContainer } from '../src/container.ts'
import { Gateway } from '../src/gateway.ts'
import { DataDirectory } from '../src/process/data-directory.ts'
import { ADMIN_KEY } from './support/in-process-gateway.ts'
import { PROGRAM_DIRECTORY } from './support/program-directory.ts'

const VERSION = '2026-07-28'

/** The number of a line of the page; 0 when there is none. */
const valueOf = (text: string, series: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.split(' ')
      .at(-1) ?? 0,
  )

// One gateway for all of them: what the one leaves behind, the next one sees.
describe('the operator of a gateway', { timeout: 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  let server: DualEraServer
  let dataDirectory: string
  let url: string

  const call = async (
    method: string,
    path: string,
    body?: unknown,
    key: string | undefined = ADMIN_KEY,
  ): Promise<Response> =>
    fetch(`${url}${path}`, {
      method,
      headers: {
        ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  const callTool = async (name: string, label: string, slug = 'dual'): Promise<Response> => {
    const params = {
      name,
      arguments: { label },
      _meta: {
        'io.modelcontextprotocol/protocolVersion': VERSION,
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    }
    return fetch(`${url}/mcp/${slug}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': VERSION,
        'mcp-method': 'tools/call',
        'mcp-name': name,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    })
  }

  beforeAll(async () => {
    server = resources.use(await startDualEraServer())
    dataDirectory = mkdtempSync(join(tmpdir(), 'mreg-operations-'))
    resources.defer(() => rmSync(dataDirectory, { recursive: true, force: true }))
    const settings = createSettings({
      environment: {
        MREG_ENVIRONMENT: 'testing',
        MREG_DATABASE_URL: 'memory://',
        MREG_PORT: '0',
        MREG_ADMIN_KEY: ADMIN_KEY,
      },
    })
    const data = resources.use(DataDirectory.claim(dataDirectory))
    const foundation = {
      settings,
      logger: silentLogger,
      data,
      resources,
      programDirectory: PROGRAM_DIRECTORY,
    }
    url = await (await createContainer(foundation)).get(Gateway).start()
    const endpoints = [{ transport: 'streamable-http', url: server.url }]
    expect((await call('POST', '/api/v1/servers', { slug: 'dual', endpoints })).status).toBe(201)
  })

  afterAll(() => resources.disposeAsync())

  test('sees the requests that are being answered, and ends one', async () => {
    const answer = callTool('wait_until_cancelled', 'private-argument')
    const list = async (): Promise<string> => (await call('GET', '/api/v1/requests')).text()
    await expect.poll(list, { timeout: 20_000 }).toContain('wait_until_cancelled')
    expect(await list()).not.toContain('private-argument')
    const { items } = JSON.parse(await list())
    expect(items).toMatchObject([
      { principal: 'local', server: 'dual', method: 'tools/call', tool: 'wait_until_cancelled' },
    ])
    const [{ id }] = items

    expect((await call('DELETE', `/api/v1/requests/${id}?reason=lunch`)).status).toBe(204)
    expect(await (await answer).text()).toContain('The request was cancelled: lunch.')
    await expect
      .poll(async () => (await callTool('was_cancelled', 'private-argument')).text(), { timeout: 20_000 })
      .toContain('true')
    const gone = await call('DELETE', `/api/v1/requests/${id}`)
    expect([gone.status, await gone.text()]).toEqual([404, expect.stringContaining('request_not_found')])
    await expect.poll(list).toBe('{"items":[]}')
  })

  test('counts servers and requests, and sees how each endpoint is doing', async () => {
    const endpoints = [server.url, server.url].map((address) => ({
      transport: 'streamable-http',
      url: address,
    }))
    await call('POST', '/api/v1/servers', { slug: 'twice', endpoints })
    await callTool('was_cancelled', 'x', 'twice')
    const statistics = JSON.parse(await (await call('GET', '/api/v1/stats')).text())
    expect(statistics.servers).toMatchObject({
      total: 2,
      byTransport: { 'streamable-http': 2 },
      byTenant: { default: { total: 2 } },
    })
    const [dual, twice] = statistics.traffic
    expect(dual).toMatchObject({
      server: 'dual',
      byOutcome: { result: expect.any(Number), cancelled: 1 },
      byMethod: { call: { count: expect.any(Number), meanMs: expect.any(Number) } },
      bridged: 0,
      endpoints: [{ circuit: { state: 'closed', failures: 0, rejected: 0, inFlight: expect.any(Number) } }],
    })
    expect(twice).toMatchObject({ server: 'twice', endpoints: [{ balancer: { state: 'ready' } }, {}] })
    const one = JSON.parse(await (await call('GET', '/api/v1/stats?server=twice')).text())
    expect(one.traffic).toHaveLength(1)
  })

  test('scrapes the same, with what the process says of itself, in a form that Prometheus reads', async () => {
    const before = await (await call('GET', '/metrics')).text()
    await callTool('was_cancelled', 'x')
    const answer = await call('GET', '/metrics')
    expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4')
    const text = await answer.text()
    const calls =
      'mreg_requests_total{tenant="default",server="dual",era="modern",method="call",outcome="result"}'
    expect(valueOf(text, calls)).toBe(valueOf(before, calls) + 1)
    const labels = '{tenant="default",server="dual",method="call"'
    expect(valueOf(text, `mreg_request_duration_seconds_count${labels}}`)).toBe(
      valueOf(text, `mreg_request_duration_seconds_bucket${labels},le="+Inf"}`),
    )
    const bounds = text
      .split('\n')
      .filter((line) => line.startsWith(`mreg_request_duration_seconds_bucket${labels}`))
    const sums = bounds.map((line) => Number(line.split(' ').at(-1)))
    expect(sums).toEqual(sums.toSorted((left, right) => left - right))
    for (const name of [
      'mreg_message_bytes_total',
      'mreg_bridged_requests_total',
      'mreg_fallback_answers_total',
      'mreg_endpoint_state',
      'mreg_requests_in_flight',
      'mreg_sessions',
      'mreg_child_processes',
      'mreg_database_connections',
      'mreg_http_connections',
      'mreg_cache_events_total',
      'circuit_breaker_state',
      'process_cpu_seconds_total',
      'nodejs_eventloop_lag_seconds',
    ])
      expect(text).toMatch(new RegExp(`^${name}[{ ]`, 'mu'))
    // Each family is described once, and nothing else is on the page.
    const names = [...text.matchAll(/^# TYPE (\S+)/gmu)].map(([, name]) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const line of text.split('\n'))
      expect(line).toMatch(/^$|^# (HELP|TYPE) \S+ |^[a-zA-Z_:]\w*(\{(\w+="([^"\\\n]|\\.)*",?)*\})? \S+$/u)
    // Tools come and go with what clients ask for: they are no labels.
    expect(text).not.toContain('was_cancelled')
  })

  test.each(['/health', '/ready', '/openapi.json'])('S59 shows nothing of the inside at %s', async (path) => {
    const text = await (await call('GET', path, undefined, '')).text()
    expect(text).toContain('{')
    for (const inside of [new URL(server.url).host, dataDirectory, ADMIN_KEY, process.version, 'dual'])
      expect(text).not.toContain(inside)
  })

  test.each([
    ['GET', '/metrics'],
    ['GET', '/api/v1/stats'],
    ['GET', '/api/v1/requests'],
    ['DELETE', '/api/v1/requests/1'],
  ])('S59 needs a key: %s %s', async (method, path) => {
    expect((await call(method, path, undefined, '')).status).toBe(401)
    expect((await call(method, path, undefined, 'wrong')).status).toBe(401)
  })
})
