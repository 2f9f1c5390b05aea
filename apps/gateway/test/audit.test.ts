import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { AuditTrail } from '@mreg/access'
import { startFixtureServer } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { InProcessGateway } from './support/in-process-gateway.ts'

interface Event {
  readonly id: string
  readonly principalId: string
  readonly action: string
  readonly objectId?: string
  readonly outcome: string
  readonly details: Readonly<Record<string, unknown>>
}

describe('the audit', { timeout: 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  let gateway: InProcessGateway
  let key: string
  let keyId: string

  const events = async (query = ''): Promise<readonly Event[]> => {
    await gateway.container.get(AuditTrail).flush()
    const { json } = await gateway.request('GET', `/api/v1/audit?limit=200${query}`)
    return Object(json['items'])
  }
  const call = async (path: string, name: string, given: Record<string, unknown>): Promise<void> => {
    const client = new Client({ name: 'test', version: '1' })
    const headers = { authorization: `Bearer ${key}` }
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${gateway.url}${path}`), { requestInit: { headers } }),
    )
    await client.callTool({ name, arguments: given }).catch(() => undefined)
    await client.close()
  }

  beforeAll(async () => {
    gateway = resources.use(await InProcessGateway.start({ MREG_AUTH_MODE: 'required' }))
    const server = await startFixtureServer()
    resources.defer(() => server.stop())
    const endpoints = [{ transport: 'streamable-http', url: server.url }]
    await gateway.request('POST', '/api/v1/servers', { body: { slug: 'notes', endpoints } })
    const { json } = await gateway.request('POST', '/api/v1/keys', {
      body: { name: 'agent', scopes: { tools: { deny: ['fail'] } } },
    })
    key = String(json['key'])
    keyId = String(json['id'])
  })
  afterAll(() => resources.disposeAsync())

  test('tells who changed what, and what came of it', async () => {
    await gateway.request('PATCH', '/api/v1/servers/notes', { body: { title: 'Notes' } })
    await gateway.request('PATCH', '/api/v1/servers/notes', { body: { title: 7 } })
    const [wrong, right] = await events('&action=PATCH%20%2Fservers%2F%7BidOrSlug%7D')
    expect(right).toMatchObject({ principalId: 'admin', objectId: 'notes', outcome: 'success' })
    expect(wrong).toMatchObject({ outcome: 'failure', details: { status: 400, code: 'invalid_input' } })
    expect(await events(`&objectId=${keyId}`)).toMatchObject([{ action: 'POST /keys', outcome: 'success' }])
  })

  test('tells who was not let in', async () => {
    await gateway.request('GET', '/api/v1/servers', { key: undefined })
    await gateway.request('DELETE', '/api/v1/servers/notes', { key })
    const denied = (await events()).filter(({ outcome }) => outcome === 'denied')
    expect(denied).toContainEqual(
      expect.objectContaining({
        principalId: 'anonymous',
        action: 'GET /servers',
        details: expect.objectContaining({ code: 'key_missing', status: 401 }),
      }),
    )
    expect(denied).toContainEqual(
      expect.objectContaining({ principalId: `key:${keyId}`, action: 'DELETE /servers/{idOrSlug}' }),
    )
  })

  test.each([
    ['/mcp', 'notes__'],
    ['/mcp/notes', ''],
  ])('tells at %s who called which tool, with a hash of what was given', async (path, prefix) => {
    const before = await events('&action=tools%2Fcall')
    await call(path, `${prefix}echo`, { message: 'a private word' })
    await call(path, `${prefix}fail`, { reason: 'x' })
    const calls = (await events('&action=tools%2Fcall')).slice(0, -before.length || undefined)
    const echo = calls.find(({ outcome }) => outcome === 'success')
    expect(echo).toMatchObject({
      principalId: `key:${keyId}`,
      objectId: 'notes/echo',
      details: { argumentsHash: expect.stringMatching(/^[0-9a-f]{32}$/u) },
    })
    expect(JSON.stringify(calls)).not.toContain('a private word')
    const refused = (await events()).find(
      ({ outcome, objectId }) => outcome === 'denied' && objectId?.endsWith('fail'),
    )
    expect(refused).toMatchObject({ details: { reason: 'tool_not_allowed' } })
  })

  test('is read page by page, and exported as one JSON object a line', async () => {
    const first = await gateway.request('GET', '/api/v1/audit?limit=2')
    expect(first.json['items']).toHaveLength(2)
    const cursor = String(first.json['nextCursor'])
    const second = await gateway.request('GET', `/api/v1/audit?limit=2&cursor=${cursor}`)
    expect(JSON.stringify(second.json['items'])).not.toContain(Object(first.json['items'])[0].id)
    const all = await events()
    const exported = await gateway.request('GET', '/api/v1/audit/export?action=tools%2Fcall')
    expect(exported.headers.get('content-type')).toBe('application/x-ndjson')
    const lines = exported.text
      .trim()
      .split('\n')
      .map((line): Event => JSON.parse(line))
    expect(lines.map(({ id }) => id)).toEqual(
      all.filter(({ action }) => action === 'tools/call').map(({ id }) => id),
    )
    expect((await gateway.request('GET', '/api/v1/audit/export?from=yesterday')).status).toBe(400)
  })

  test('of one tenant is not another’s', async () => {
    await gateway.request('POST', '/api/v1/tenants', { body: { id: 'acme' } })
    const made = await gateway.request('POST', '/t/acme/api/v1/keys', { body: { name: 'x', role: 'admin' } })
    await gateway.container.get(AuditTrail).flush()
    const { json } = await gateway.request('GET', '/api/v1/audit', { key: String(made.json['key']) })
    expect(json['items']).toMatchObject([{ action: 'POST /keys', objectId: made.json['id'] }])
    expect(await events(`&objectId=${String(made.json['id'])}`)).toEqual([])
  })

  test('says in the metrics what became of it', async () => {
    const page = await gateway.request('GET', '/metrics')
    expect(page.text).toContain('mreg_audit_events_total{event="lost"} 0')
  })
})
