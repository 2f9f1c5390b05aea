import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { DatabaseToken } from '@mreg/composition'
import { type FixtureServer, startFixtureServer } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ADMIN_KEY, type HttpAnswer, InProcessGateway } from './support/in-process-gateway.ts'

describe('API keys', { timeout: 60_000 }, () => {
  let gateway: InProcessGateway
  let server: FixtureServer

  const make = async (input: object): Promise<{ readonly id: string; readonly key: string }> => {
    const { json, status } = await gateway.request('POST', '/api/v1/keys', { body: input })
    expect(status).toBe(201)
    return { id: String(json['id']), key: String(json['key']) }
  }
  const rotate = (id: string, body: object): Promise<HttpAnswer> =>
    gateway.request('POST', `/api/v1/keys/${id}/rotate`, { body })
  const look = (key: string | undefined): Promise<HttpAnswer> =>
    gateway.request('GET', '/api/v1/servers', { key })
  const echo = async (key: string | undefined): Promise<unknown> => {
    const client = new Client({ name: 'test', version: '1' })
    const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` }
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp/notes`), { requestInit: { headers } }),
    )
    try {
      return (await client.callTool({ name: 'echo', arguments: { message: 'hello' } })).content
    } finally {
      await client.close()
    }
  }

  beforeAll(async () => {
    ;[gateway, server] = await Promise.all([
      InProcessGateway.start({ MREG_AUTH_MODE: 'required' }),
      startFixtureServer(),
    ])
    const endpoints = [{ transport: 'streamable-http', url: server.url }]
    const { status } = await gateway.request('POST', '/api/v1/servers', {
      body: { slug: 'notes', endpoints },
    })
    expect(status).toBe(201)
  })

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]()
    await server?.stop()
  })

  test('a key that was made lets its holder call tools; without one nobody does', async () => {
    const { key } = await make({ name: 'an agent' })
    await expect(echo(undefined)).rejects.toThrow(/key/u)
    await expect(echo(`${key.slice(0, -1)}_`)).rejects.toThrow(/key/u)
    expect(await echo(key)).toMatchObject([{ type: 'text' }])
  })

  test('a key is shown once, and is kept nowhere', async () => {
    const { id, key } = await make({ name: 'a secret' })
    const [, , secret = ''] = key.split('_', 3)
    expect(secret.length).toBeGreaterThan(0)
    const shown = await gateway.request('GET', `/api/v1/keys/${id}`)
    expect(shown.json).toMatchObject({ id, name: 'a secret', role: 'user', state: 'active' })
    const listed = await gateway.request('GET', '/api/v1/keys')
    expect(shown.text + listed.text).not.toContain(secret)
    const rows = await gateway.container
      .get(DatabaseToken)
      .systemSession('look for a secret', ({ kysely }) =>
        kysely.selectFrom('api_keys').selectAll().where('id', '=', id).execute(),
      )
    expect(rows).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toContain(secret)
    expect(gateway.seen.filter((text) => text.includes(secret))).toHaveLength(1)
  })

  test('S56 a revoked key opens nothing from the answer on, and the list remembers it', async () => {
    const { id, key } = await make({ name: 'a guest', role: 'readonly' })
    expect((await look(key)).status).toBe(200)
    expect((await gateway.request('POST', `/api/v1/keys/${id}/revoke`)).json).toMatchObject({
      state: 'revoked',
    })
    expect(await look(key)).toMatchObject({ status: 401, json: { code: 'key_revoked' } })
    await expect(echo(key)).rejects.toThrow(/revoked/u)
    expect((await gateway.request('GET', `/api/v1/keys/${id}`)).json).toMatchObject({ state: 'revoked' })
    const changed = await gateway.request('PATCH', `/api/v1/keys/${id}`, { body: { role: 'admin' } })
    expect(changed).toMatchObject({ status: 409, json: { code: 'api_key_revoked' } })
    expect((await gateway.request('DELETE', `/api/v1/keys/${id}`)).status).toBe(204)
    expect((await gateway.request('GET', `/api/v1/keys/${id}`)).status).toBe(404)
    expect(await look(key)).toMatchObject({ status: 401, json: { code: 'key_invalid' } })
  })

  test('a key that has expired opens nothing', async () => {
    const { id, key } = await make({ name: 'a visit', role: 'readonly', expiresAt: '2020-01-01T00:00:00Z' })
    expect(await look(key)).toMatchObject({ status: 401, json: { code: 'key_expired' } })
    await gateway.request('PATCH', `/api/v1/keys/${id}`, { body: { expiresAt: null } })
    expect((await look(key)).status).toBe(200)
  })

  test('a key is replaced: at once, or with a time in which both are good', async () => {
    const first = await make({ name: 'a service', role: 'readonly', principalId: 'ci' })
    const { json: second } = await rotate(first.id, { graceMs: 60_000 })
    expect(second).toMatchObject({ name: 'a service', role: 'readonly', principalId: 'ci' })
    for (const key of [first.key, String(second['key'])]) expect((await look(key)).status).toBe(200)
    const { json: third } = await rotate(String(second['id']), {})
    expect((await look(String(second['key']))).status).toBe(401)
    expect((await look(String(third['key']))).status).toBe(200)
  })

  test('its principal is one of its own, and none that means somebody already', async () => {
    for (const principalId of ['admin', 'local', 'token:somebody', 'a b']) {
      const answer = await gateway.request('POST', '/api/v1/keys', { body: { name: 'x', principalId } })
      expect(answer).toMatchObject({ status: 400, json: { faults: [{ path: 'principalId' }] } })
    }
    const { id } = await make({ name: 'x' })
    expect((await gateway.request('GET', `/api/v1/keys/${id}`)).json).toMatchObject({
      principalId: `key:${id}`,
    })
  })

  test('only administrators make keys, and a role does what it says', async () => {
    const body = { slug: 'more', endpoints: [{ transport: 'streamable-http', url: server.url }] }
    const command = { slug: 'command', endpoints: [{ transport: 'stdio', command: 'node' }] }
    const attempts = async (key: string) => [
      (await look(key)).status,
      (await gateway.request('POST', '/api/v1/servers', { key, body })).status,
      (await gateway.request('POST', '/api/v1/servers', { key, body: command })).status,
      (await gateway.request('GET', '/api/v1/keys', { key })).status,
      (await gateway.request('DELETE', '/api/v1/servers/more', { key })).status,
    ]
    const done: Record<string, readonly number[]> = {}
    for (const role of ['readonly', 'user', 'operator', 'admin']) {
      const { key } = await make({ name: role, role })
      done[role] = await attempts(key)
    }
    expect(done).toEqual({
      readonly: [200, 403, 403, 403, 403],
      user: [200, 403, 403, 403, 403],
      operator: [200, 201, 403, 403, 204],
      admin: [200, 201, 201, 200, 204],
    })
  })

  test('a key of one tenant does not open another, and the administrator of the installation opens all', async () => {
    const { key } = await make({ name: 'at home', role: 'admin' })
    expect((await gateway.request('GET', '/t/default/api/v1/servers', { key })).status).toBe(200)
    expect(await gateway.request('GET', '/t/elsewhere/api/v1/servers', { key })).toMatchObject({
      status: 404,
      json: { code: 'tenant_not_found' },
    })
  })

  test('S53 nothing that was answered or logged holds the administrator’s key', () => {
    expect(gateway.seen.join('\n')).not.toContain(ADMIN_KEY)
  })
})
