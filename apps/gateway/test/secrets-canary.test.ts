import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { AuditTrail } from '@mreg/access'
import { DatabaseToken } from '@mreg/composition'
import { startFixtureServer } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ADMIN_KEY, InProcessGateway } from './support/in-process-gateway.ts'

/** A value of its own for each place where somebody may put a secret. */
const canaries = {
  header: 'canary-header-7f3a91c2',
  environment: 'canary-environment-52d0be18',
  argument: 'canary-argument-c08817ee',
  clientSecret: 'canary-client-secret-9b1f40aa',
  wrongKey: 'mreg_000000000000000000000000_canaryWrongKey5512aa90canaryWrongKey5512aa9',
  refusedHeader: 'canary-refused-header-3316fa0d',
  refusedEnvironment: 'canary-refused-environment-e1c5',
  inPatch: 'canary-in-patch-aa2179c1',
  secretKey: 'Canary9bQ2xT7vLm4KpWz81RsYdHf6NgJcAe3Uq',
  argumentOfCall: 'canary-argument-of-call-77aa1c',
}

/** The same value as it looks when it is written in other ways. */
const spellings = (value: string): readonly string[] => [
  value,
  Buffer.from(value).toString('base64').replace(/=+$/u, ''),
  Buffer.from(value).toString('base64url'),
  Buffer.from(value).toString('hex'),
  encodeURIComponent(value),
]

/** Bytes as the text that may be in them. */
const withBytes = (_name: string, value: unknown): unknown =>
  value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value

describe('S53 a secret', { timeout: 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  let gateway: InProcessGateway
  let issued: string

  beforeAll(async () => {
    gateway = resources.use(
      await InProcessGateway.start({ MREG_AUTH_MODE: 'required', MREG_SECRET_KEY: canaries.secretKey }),
    )
    const fixture = await startFixtureServer()
    resources.defer(() => fixture.stop())
    // One that answers with whatever it was sent, in words and in headers.
    const echoing = createServer((request, response) => {
      response.writeHead(500, {
        'content-type': 'text/plain',
        'x-echo': String(request.headers['x-api-key']),
      })
      response.end(JSON.stringify(request.headers))
    })
    await new Promise<void>((resolve) => void echoing.listen(0, '127.0.0.1', resolve))
    resources.defer(() => void echoing.close())
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
    const { port } = echoing.address() as AddressInfo

    const headers = { 'X-Api-Key': canaries.header, Authorization: `Bearer ${canaries.header}` }
    const post = (path: string, body: object) => gateway.request('POST', `/api/v1${path}`, { body })
    const remote = (url: string) => ({ transport: 'streamable-http', url, headers })
    const command = {
      transport: 'stdio',
      command: process.execPath,
      args: ['-e', 'process.exit(3)'],
      env: { TOKEN: canaries.environment },
    }
    expect((await post('/servers', { slug: 'good', endpoints: [remote(fixture.url)] })).status).toBe(201)
    expect(
      (await post('/servers', { slug: 'echoing', endpoints: [remote(`http://127.0.0.1:${port}/mcp`)] }))
        .status,
    ).toBe(201)
    expect((await post('/servers', { slug: 'command', endpoints: [command] })).status).toBe(201)
    // What is refused is not repeated.
    for (const endpoint of [
      { ...remote(fixture.url), headers: { 'X-Bad': `${canaries.refusedHeader}\r\nX-More: 1` } },
      { ...remote(fixture.url), headers: { 'X Bad': canaries.refusedHeader } },
      { ...remote(fixture.url), headers: [canaries.refusedHeader] },
      { ...command, env: { NODE_OPTIONS: canaries.refusedEnvironment } },
      { ...command, env: { GOOD: `${canaries.refusedEnvironment}\0` } },
      { ...command, env: canaries.refusedEnvironment },
    ])
      expect((await post('/servers', { slug: 'refused', endpoints: [endpoint] })).status).toBe(400)
    await gateway.request('PATCH', '/api/v1/servers/good', {
      body: { endpoints: [{ ...remote(fixture.url), headers: { 'X-Api-Key': canaries.inPatch } }] },
    })
    await gateway.request('POST', '/api/v1/servers/good/login', {
      body: {
        redirectUri: 'http://127.0.0.1:1/callback',
        clientId: 'client',
        clientSecret: canaries.clientSecret,
      },
    })
    const made = await gateway.request('POST', '/api/v1/keys', { body: { name: 'agent' } })
    issued = String(made.json['key'])
    // Where it is shown, this once.
    gateway.seen.splice(gateway.seen.indexOf(made.text), 1)
    await gateway.request('GET', '/api/v1/servers', { key: canaries.wrongKey })
    await gateway.request('GET', `/api/v1/servers?access_token=${canaries.wrongKey}`)
    for (const slug of ['good', 'echoing', 'command']) {
      await gateway.request('POST', `/api/v1/servers/${slug}/probe`)
      for (const path of ['', '/health', '/capabilities'])
        await gateway.request('GET', `/api/v1/servers/${slug}${path}`)
      await gateway.request('POST', `/mcp/${slug}`, {
        key: issued,
        headers: {
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2026-07-28',
          'mcp-method': 'tools/call',
          'mcp-name': 'fail',
        },
        body: {
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: {
            name: 'fail',
            arguments: { reason: 'none', password: canaries.argumentOfCall },
            _meta: {
              'io.modelcontextprotocol/protocolVersion': '2026-07-28',
              'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
              'io.modelcontextprotocol/clientCapabilities': {},
            },
          },
        },
      })
    }
    await gateway.container.get(AuditTrail).flush()
    for (const path of [
      '/metrics',
      '/ready',
      '/health',
      '/openapi.json',
      '/api/v1/servers',
      '/api/v1/keys',
      '/api/v1/audit?limit=200',
      '/api/v1/audit/export',
      '/api/v1/requests',
      '/api/v1/stats',
    ])
      await gateway.request('GET', path)
  })
  afterAll(() => resources.disposeAsync())

  const all = (): readonly (readonly [string, string])[] => [
    ...Object.entries(canaries),
    ['an API key', issued],
    ['the secret part of an API key', issued.split('_')[2] ?? issued],
    ['the administrator’s key', ADMIN_KEY],
  ]
  const found = (text: string): readonly string[] =>
    all().flatMap(([name, value]) => (spellings(value).some((each) => text.includes(each)) ? [name] : []))

  test('is in no answer and in no line of the log', () => {
    expect(gateway.seen.length).toBeGreaterThan(30)
    for (const text of gateway.seen)
      expect([found(text), text.slice(0, 200)]).toEqual([[], text.slice(0, 200)])
  })

  test('is in no row of the database', async () => {
    const dump = await gateway.container
      .get(DatabaseToken)
      .systemSession('dump for a test', async ({ kysely }) => {
        const texts: string[] = []
        for (const { name } of await kysely.introspection.getTables()) {
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the database says that there is one
          const table = name as 'servers'
          const rows = await kysely.selectFrom(table).selectAll().execute()
          texts.push(...rows.map((row) => `${name} ${JSON.stringify(row, withBytes)}`))
        }
        return texts
      })
    expect(dump.some((row) => row.startsWith('secrets '))).toBe(true)
    expect(dump.some((row) => row.startsWith('audit_events '))).toBe(true)
    for (const row of dump) expect([found(row), row.slice(0, 120)]).toEqual([[], row.slice(0, 120)])
  })
})
