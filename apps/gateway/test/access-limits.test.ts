import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { type FixtureServer, startFixtureServer } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { InProcessGateway } from './support/in-process-gateway.ts'

const toolsOf = async (client: Client): Promise<readonly string[]> =>
  (await client.listTools()).tools.map(({ name }) => name).toSorted()
const call = async (client: Client, name: string, given: Record<string, unknown>): Promise<string> => {
  try {
    const { content, isError } = await client.callTool({ name, arguments: given })
    return isError === true ? `error: ${JSON.stringify(content)}` : JSON.stringify(content)
  } catch (error) {
    return String(error)
  }
}

describe('a key with limits', { timeout: 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  let gateway: InProcessGateway
  const servers: FixtureServer[] = []

  const keyFor = async (scopes: object, role = 'user'): Promise<string> => {
    const { json } = await gateway.request('POST', '/api/v1/keys', { body: { name: 'test', role, scopes } })
    return String(json['key'])
  }

  /** What a client with that key sees and may do at a path. */
  const connect = async (path: string, key: string): Promise<Client> => {
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

  test('sees and reaches the servers that it names, and the others are as if they were not', async () => {
    const key = await keyFor({ servers: { allow: ['no*'] } })
    const merged = await connect('/mcp', key)
    expect((await toolsOf(merged)).every((name) => name.startsWith('notes__'))).toBe(true)
    expect(await toolsOf(merged)).toContain('notes__echo')
    expect(await call(merged, 'notes__echo', { message: 'hello' })).toContain('hello')
    const before = executions()
    expect(await call(merged, 'mail__echo', { message: 'hello' })).toContain('Nothing is known')
    expect(await toolsOf(await connect('/mcp/notes', key))).toContain('echo')
    await expect(connect('/mcp/mail', key)).rejects.toThrow(/No server is registered/u)
    expect(executions()).toBe(before)
    const listed = await gateway.request('GET', '/api/v1/servers', { key })
    expect(listed.json['items']).toMatchObject([{ slug: 'notes' }])
    for (const slug of ['mail', 'nothing'])
      expect(await gateway.request('GET', `/api/v1/servers/${slug}`, { key })).toMatchObject({
        status: 404,
        json: { code: 'server_not_found', detail: `no server is registered as "${slug}"` },
      })
  })

  test('with an empty list of servers sees nothing', async () => {
    const key = await keyFor({ servers: { allow: [] } })
    expect(await toolsOf(await connect('/mcp', key))).toEqual([])
    await expect(connect('/mcp/notes', key)).rejects.toThrow(/No server is registered/u)
  })

  test.each(['/mcp', '/mcp/notes'])('at %s sees and calls the tools that it may', async (path) => {
    const prefix = path === '/mcp' ? 'notes__' : ''
    const key = await keyFor({ tools: { deny: ['notes/fail', 'mail/*'] } })
    const client = await connect(path, key)
    const tools = await toolsOf(client)
    expect(tools).toContain(`${prefix}echo`)
    expect(tools).not.toContain(`${prefix}fail`)
    expect(tools).not.toContain('mail__echo')
    expect(await call(client, `${prefix}echo`, { message: 'hello' })).toContain('hello')
    const before = executions()
    expect(await call(client, `${prefix}fail`, { reason: 'x' })).toMatch(/-32602/u)
    expect(executions()).toBe(before)
    expect((await client.listPrompts()).prompts.map(({ name }) => name)).toContain(`${prefix}introduce`)
  })

  test.each(['/mcp', '/mcp/notes'])(
    'of the role readonly at %s calls read-only tools alone',
    async (path) => {
      const prefix = path === '/mcp' ? 'notes__' : ''
      const client = await connect(path, await keyFor({}, 'readonly'))
      expect((await toolsOf(client)).filter((name) => !name.startsWith('mail__'))).toEqual([`${prefix}echo`])
      expect(await call(client, `${prefix}echo`, { message: 'hello' })).toContain('hello')
      const before = executions()
      expect(await call(client, `${prefix}count`, { steps: 1, stepMs: 0 })).toMatch(/-32602/u)
      expect(executions()).toBe(before)
    },
  )

  test.each(['/mcp', '/mcp/notes'])('at %s calls with the arguments that it may use', async (path) => {
    const prefix = path === '/mcp' ? 'notes__' : ''
    const rule = { tools: ['notes/echo'], argument: 'message', allow: ['public *'] }
    const client = await connect(path, await keyFor({ arguments: [rule] }))
    expect(await call(client, `${prefix}echo`, { message: 'public news' })).toContain('public news')
    const before = executions()
    expect(await call(client, `${prefix}echo`, { message: 'secret' })).toMatch(/"?message"? .*may not be/u)
    expect(executions()).toBe(before)
  })

  test('may be limited further while its holder is connected', async () => {
    const made = await gateway.request('POST', '/api/v1/keys', { body: { name: 'test' } })
    const client = await connect('/mcp', String(made.json['key']))
    expect(await toolsOf(client)).toContain('mail__echo')
    const body = { scopes: { servers: { deny: ['mail'] } } }
    await gateway.request('PATCH', `/api/v1/keys/${String(made.json['id'])}`, { body })
    expect(await toolsOf(client)).not.toContain('mail__echo')
    expect(await call(client, 'mail__echo', { message: 'hello' })).toContain('Nothing is known')
  })

  test('ends the streams of its holder when it is revoked', async () => {
    const made = await gateway.request('POST', '/api/v1/keys', { body: { name: 'test' } })
    const key = String(made.json['key'])
    const opened = await fetch(`${gateway.url}/mcp/notes`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: {
          protocolVersion: '2025-11-25',
          capabilities: {},
          clientInfo: { name: 'test', version: '1' },
        },
      }),
    })
    await opened.text()
    const stream = await fetch(`${gateway.url}/mcp/notes`, {
      headers: {
        authorization: `Bearer ${key}`,
        accept: 'text/event-stream',
        'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
        'mcp-protocol-version': '2025-11-25',
      },
    })
    expect(stream.status).toBe(200)
    await gateway.request('POST', `/api/v1/keys/${String(made.json['id'])}/revoke`)
    // Over, one way or the other.
    await stream.text().catch(() => undefined)
  })
})
