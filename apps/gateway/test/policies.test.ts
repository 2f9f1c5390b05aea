import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { type FixtureServer, startFixtureServer } from '@mreg/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { InProcessGateway } from './support/in-process-gateway.ts'

interface Key {
  readonly id: string
  readonly key: string
}

const toolsOf = async (client: Client): Promise<readonly string[]> =>
  (await client.listTools()).tools.map(({ name }) => name)
const call = async (client: Client, name: string, given: Record<string, unknown>): Promise<string> => {
  try {
    return JSON.stringify((await client.callTool({ name, arguments: given })).content)
  } catch (error) {
    return String(error)
  }
}

describe('policies', { timeout: 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  let gateway: InProcessGateway
  const servers: FixtureServer[] = []

  const make = async (name: string, subject: object, rules: object): Promise<string> => {
    const { json, status } = await gateway.request('POST', '/api/v1/policies', {
      body: { name, subject, rules },
    })
    expect([status, json['name']]).toEqual([201, name])
    return String(json['id'])
  }
  const newKey = async (role = 'user'): Promise<Key> => {
    const { json } = await gateway.request('POST', '/api/v1/keys', { body: { name: 'test', role } })
    return { id: String(json['id']), key: String(json['key']) }
  }
  const connect = async (path: string, { key }: Key): Promise<Client> => {
    const client = new Client({ name: 'test', version: '1' })
    const headers = { authorization: `Bearer ${key}` }
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${gateway.url}${path}`), { requestInit: { headers } }),
    )
    resources.defer(() => client.close())
    return client
  }
  const executions = (): number => servers.reduce((sum, { executions: all }) => sum + all.length, 0)

  beforeAll(async () => {
    gateway = resources.use(await InProcessGateway.start({ MREG_AUTH_MODE: 'required' }))
    for (const slug of ['notes', 'mail']) {
      const server = await startFixtureServer()
      resources.defer(() => server.stop())
      servers.push(server)
      const endpoints = [{ transport: 'streamable-http', url: server.url }]
      await gateway.request('POST', '/api/v1/servers', { body: { slug, endpoints } })
    }
  })
  afterAll(() => resources.disposeAsync())
  afterEach(async () => {
    const { json } = await gateway.request('GET', '/api/v1/policies')
    for (const { id } of Object(json['items'])) await gateway.request('DELETE', `/api/v1/policies/${id}`)
  })

  test.each(['/mcp', '/mcp/notes'])(
    'show at %s what may be called, let nothing else through, and count at once',
    async (path) => {
      const prefix = path === '/mcp' ? 'notes__' : ''
      const client = await connect(path, await newKey())
      expect(await toolsOf(client)).toContain(`${prefix}fail`)
      await make('no failures', { kind: 'tenant' }, { tools: { deny: ['fail'] } })
      const tools = await toolsOf(client)
      expect(tools).toContain(`${prefix}echo`)
      expect(tools).not.toContain(`${prefix}fail`)
      const before = executions()
      expect(await call(client, `${prefix}fail`, { reason: 'x' })).toMatch(/-32602/u)
      expect(executions()).toBe(before)
      expect(await call(client, `${prefix}echo`, { message: 'hello' })).toContain('hello')
    },
  )

  test('of a role are about no other, and those of a key about that alone', async () => {
    const [user, operator, key] = [await newKey(), await newKey('operator'), await newKey('operator')]
    await make('users', { kind: 'role', id: 'user' }, { servers: { allow: ['notes'] } })
    await make('one', { kind: 'key', id: key.id }, { tools: { allow: ['mail/echo'] } })
    const servedTo = async (whom: Key): Promise<readonly string[]> => toolsOf(await connect('/mcp', whom))
    expect((await servedTo(user)).every((name) => name.startsWith('notes__'))).toBe(true)
    expect(await servedTo(operator)).toEqual(expect.arrayContaining(['mail__fail', 'notes__fail']))
    expect(await servedTo(key)).toEqual(['mail__echo'])
    await expect(connect('/mcp/mail', user)).rejects.toThrow(/No server is registered/u)
  })

  test('take away together, whatever one of them allows', async () => {
    const key = await newKey()
    await make('wide', { kind: 'tenant' }, { tools: { allow: ['*'] } })
    await make(
      'arguments',
      { kind: 'key', id: key.id },
      { arguments: [{ tools: ['echo'], argument: 'message', allow: ['public *'] }] },
    )
    await make('reading', { kind: 'role', id: 'user' }, { readOnlyTools: true })
    const client = await connect('/mcp', key)
    expect((await toolsOf(client)).toSorted()).toEqual(['mail__echo', 'notes__echo'])
    expect(await call(client, 'notes__echo', { message: 'public news' })).toContain('public news')
    const before = executions()
    expect(await call(client, 'notes__echo', { message: 'secret' })).toContain('may not be that')
    expect(executions()).toBe(before)
  })

  test('say which routes of the API may be used, however the path is written', async () => {
    const { key } = await newKey('operator')
    await make(
      'no removals',
      { kind: 'role', id: 'operator' },
      { api: { deny: ['DELETE *', 'GET /toolsets'] } },
    )
    for (const path of ['/api/v1/servers/notes', '/t/default/api/v1/servers/%6Eotes'])
      expect(await gateway.request('DELETE', path, { key })).toMatchObject({
        status: 403,
        json: { code: 'api_not_allowed', detail: expect.stringContaining('no removals') },
      })
    for (const method of ['GET', 'HEAD'])
      expect((await gateway.request(method, '/api/v1/toolsets', { key })).status).toBe(403)
    expect((await gateway.request('GET', '/api/v1/servers/notes', { key })).status).toBe(200)
  })

  test('end the streams of a server, which may not be heard any more', async () => {
    const { key } = await newKey()
    const headers = {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'subscriptions/listen',
    }
    const stream = await fetch(`${gateway.url}/mcp/notes`, {
      method: 'POST',
      headers,
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'subscriptions/listen',
        params: {
          notifications: { toolsListChanged: true },
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      }),
    })
    expect(stream.status).toBe(200)
    await make('nobody', { kind: 'tenant' }, { servers: { deny: ['notes'] } })
    // Over, one way or the other.
    await stream.text().catch(() => undefined)
  })

  test('are made, changed and removed by administrators, and are checked', async () => {
    const id = await make('first', { kind: 'role', id: 'readonly' }, { servers: { allow: ['notes'] } })
    const path = `/api/v1/policies/${id}`
    expect((await gateway.request('GET', path)).json).toMatchObject({
      id,
      name: 'first',
      subject: { kind: 'role', id: 'readonly' },
      managedBy: 'api',
      revision: 1,
    })
    const patch = (body: object) => gateway.request('PATCH', path, { body })
    expect((await patch({ name: 'second', revision: 1 })).json).toMatchObject({ name: 'second', revision: 2 })
    expect(await patch({ name: 'third', revision: 1 })).toMatchObject({ status: 412 })
    expect(await patch({ rules: { tols: {} } })).toMatchObject({ status: 400 })
    expect(await patch({})).toMatchObject({ status: 400 })
    const post = (body: object) => gateway.request('POST', '/api/v1/policies', { body })
    const rules = {}
    expect(await post({ name: 'second', subject: { kind: 'tenant' }, rules })).toMatchObject({
      status: 409,
      json: { code: 'policy_name_taken' },
    })
    expect(await post({ name: 'x', subject: { kind: 'key', id: 'nothing' }, rules })).toMatchObject({
      status: 400,
      json: { faults: [{ path: 'subject.id' }] },
    })
    expect((await gateway.request('DELETE', path)).status).toBe(204)
    expect(await gateway.request('GET', path)).toMatchObject({
      status: 404,
      json: { code: 'policy_not_found' },
    })
  })
})
