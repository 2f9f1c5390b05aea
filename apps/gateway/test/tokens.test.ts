import { DatabaseToken } from '@mreg/composition'
import { ChangeFeed } from '@mreg/registry'
import { type IdentityProvider, startFixtureServer, startIdentityProvider } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ADMIN_KEY, type HttpAnswer, type InProcessGateway } from './support/in-process-gateway.ts'
import { INITIALIZE, MCP_HEADERS } from './support/initialize.ts'
import { startWithTokens } from './support/with-tokens.ts'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'
const SCOPES = ['mcp:use']

const challengeOf = ({ headers }: HttpAnswer): string | null => headers.get('www-authenticate')

describe('tokens of an identity provider', { timeout: 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  let provider: IdentityProvider
  let gateway: InProcessGateway

  const token = (path: string, claims: object = {}): string =>
    provider.token({ aud: `${gateway.url}${path}`, scope: 'mcp:use', groups: ['staff'], ...claims })
  const enterAs = async (group: string): Promise<number> =>
    (await knock('/mcp/notes', token('/mcp/notes', { org: 'org-1', groups: [group] }))).status
  const as = (sub: string): string => token('/mcp/notes', { org: 'org-1', sub, jti: crypto.randomUUID() })
  const knock = (path: string, key?: string, method = 'POST'): Promise<HttpAnswer> =>
    gateway.request(method, path, {
      key,
      headers: MCP_HEADERS,
      ...(method === 'POST' ? { body: INITIALIZE } : {}),
    })

  beforeAll(async () => {
    provider = resources.use(await startIdentityProvider())
    gateway = resources.use(
      await startWithTokens({
        issuer: provider.issuer,
        scopes: SCOPES,
        tenantClaim: 'org',
        tenants: { 'org-1': 'default', 'org-2': 'acme', 'org-3': 'gone' },
        roles: { admin: ['admins'], operator: ['operators'], user: ['staff'], readonly: ['guests'] },
      }),
    )
    const server = await startFixtureServer()
    resources.defer(() => server.stop())
    const endpoints = [{ transport: 'streamable-http', url: server.url }]
    await gateway.request('POST', '/api/v1/servers', { body: { slug: 'notes', endpoints } })
    const body = { slug: 'some', items: [{ serverSlug: 'notes' }] }
    expect((await gateway.request('POST', '/api/v1/toolsets', { body })).status).toBe(201)
  })
  afterAll(() => resources.disposeAsync())

  const ENDPOINTS = ['/mcp', '/mcp/notes', '/mcp/sets/some', '/t/default/mcp', '/t/default/mcp/notes']

  describe.each(ENDPOINTS)('at %s', (path) => {
    const org = { org: 'org-1' }

    test('says to who comes without one where they come from, and nothing of an error', async () => {
      for (const method of ['POST', 'GET', 'DELETE']) {
        const answer = await knock(path, undefined, method)
        expect(answer.status).toBe(401)
        expect(challengeOf(answer)).toBe(
          `Bearer scope="mcp:use", resource_metadata="${gateway.url}${WELL_KNOWN}${path}"`,
        )
        expect(answer.json).toMatchObject({ id: null, error: { data: { reason: 'key_missing' } } })
      }
    })

    test('S15 publishes which provider gives tokens for exactly this endpoint', async () => {
      const { headers, json, status } = await gateway.request('GET', `${WELL_KNOWN}${path}`, {
        key: undefined,
      })
      expect(status).toBe(200)
      expect(headers.get('content-type')).toMatch(/^application\/json/u)
      expect(json).toEqual({
        resource: `${gateway.url}${path}`,
        authorization_servers: [provider.issuer],
        scopes_supported: SCOPES,
        bearer_methods_supported: ['header'],
        resource_name: 'MCP Registry Gateway',
      })
    })

    test('lets in who has one for it, and nobody with one for another', async () => {
      expect((await knock(path, token(path, org))).status).toBe(200)
      for (const other of [...ENDPOINTS, '', '/', '/api/v1'].filter((endpoint) => endpoint !== path)) {
        const answer = await knock(path, token(other, org))
        expect([other, answer.status]).toEqual([other, 401])
        expect(answer.json).toMatchObject({ error: { data: { reason: 'token_invalid' } } })
      }
    })

    test.each<readonly [string, object, number, string, string | undefined]>([
      ['has expired', { exp: 1000 }, 401, 'token_expired', 'invalid_token'],
      ['is of another provider', { iss: 'https://elsewhere.example' }, 401, 'token_invalid', 'invalid_token'],
      ['lacks a scope', { scope: 'openid' }, 403, 'insufficient_scope', 'insufficient_scope'],
      ['gives no role', { groups: ['others'] }, 403, 'role_missing', undefined],
      ['names an unknown tenant', { org: 'org-9' }, 403, 'tenant_unknown', undefined],
      ['names a tenant that is not there', { org: 'org-3' }, 403, 'tenant_unknown', undefined],
      ['names no tenant', { org: undefined }, 403, 'tenant_unknown', undefined],
    ])('refuses one that %s', async (_name, claims, status, reason, error) => {
      const answer = await knock(path, token(path, { ...org, ...claims }))
      expect(answer).toMatchObject({ status, json: { error: { data: { reason } } } })
      const described = challengeOf(answer)?.replace(/error_description="[ !#-~]+"/u, 'error_description="…"')
      expect(described).toBe(
        error &&
          `Bearer error="${error}", error_description="…", scope="mcp:use", resource_metadata="${gateway.url}${WELL_KNOWN}${path}"`,
      )
    })
  })

  test('an endpoint is one resource however it is written', async () => {
    const key = token('/mcp/notes', { org: 'org-1' })
    for (const path of ['/mcp/notes?x=1', '/mcp/%6eotes', '/mcp/notes?mode=search'])
      expect([path, (await knock(path, key)).status]).toEqual([path, 200])
  })

  test('this machine has several names, and the port is ours whatever a request says', async () => {
    const { port } = new URL(gateway.url)
    const said = `http://localhost:${port}`
    const { json } = await fetch(`${said}${WELL_KNOWN}/mcp`).then(async (answer) => ({
      json: await answer.json(),
    }))
    expect(json).toMatchObject({ resource: `${said}/mcp` })
    // What is made out to another port of this machine is good for another program.
    const other = provider.token({
      aud: 'http://localhost:1/mcp',
      scope: 'mcp:use',
      groups: ['staff'],
      org: 'org-1',
    })
    const { request } = await import('node:http')
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { host: 'localhost:1', authorization: `Bearer ${other}` }
      const sent = request(`${gateway.url}/mcp`, { headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      sent.once('error', reject)
      sent.end()
    })
    expect(status).toBe(401)
  })

  test('the metadata tell nothing of what there is, and are not where no endpoint can be', async () => {
    const of = (path: string): Promise<HttpAnswer> =>
      gateway.request('GET', `${WELL_KNOWN}${path}`, { key: undefined })
    expect((await of('')).json).toMatchObject({ resource: `${gateway.url}/mcp` })
    expect((await of('/mcp/no-such-server')).json).toMatchObject({
      resource: `${gateway.url}/mcp/no-such-server`,
    })
    expect((await of('/t/nobody/mcp/sets/none')).status).toBe(200)
    for (const path of [
      '/mcp/Not_A_Slug',
      '/mcp/a/b',
      '/mcp/',
      '/elsewhere',
      '/mcp/..%2f..',
      '/api',
      '/t//mcp',
    ])
      expect([path, (await of(path)).status]).toEqual([path, 404])
  })

  test('at the API are problems of their own, with the same challenges', async () => {
    const asked = await gateway.request('GET', '/api/v1/servers', { key: undefined })
    expect(asked).toMatchObject({ status: 401, json: { code: 'key_missing', status: 401 } })
    expect(asked.headers.get('content-type')).toMatch(/^application\/problem\+json/u)
    expect(challengeOf(asked)).toBe(
      `Bearer scope="mcp:use", resource_metadata="${gateway.url}${WELL_KNOWN}/api/v1"`,
    )
    expect((await gateway.request('GET', `${WELL_KNOWN}/api/v1`)).json).toMatchObject({
      resource: `${gateway.url}/api/v1`,
    })
    const look = (claims: object): Promise<HttpAnswer> =>
      gateway.request('GET', '/api/v1/servers', { key: token('/api/v1', { org: 'org-1', ...claims }) })
    expect((await look({})).status).toBe(200)
    expect(await look({ scope: '' })).toMatchObject({ status: 403, json: { code: 'insufficient_scope' } })
    expect(await look({ exp: 1 })).toMatchObject({ status: 401, json: { code: 'token_expired' } })
  })

  test('a role does what it says, and is nobody’s administrator of the installation', async () => {
    const body = {
      slug: 'more',
      endpoints: [{ transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' }],
    }
    const done: Record<string, readonly number[]> = {}
    for (const group of ['guests', 'staff', 'operators', 'admins']) {
      const key = token('/api/v1', { org: 'org-1', groups: [group], sub: 'admin' })
      done[group] = [
        (await gateway.request('GET', '/api/v1/servers', { key })).status,
        (await gateway.request('POST', '/api/v1/servers', { key, body })).status,
        (await gateway.request('GET', '/api/v1/keys', { key })).status,
        (await gateway.request('DELETE', '/api/v1/servers/more', { key })).status,
        (await gateway.request('GET', '/metrics', { key })).status,
      ]
    }
    expect(done).toEqual({
      guests: [200, 403, 403, 403, 403],
      staff: [200, 403, 403, 403, 403],
      operators: [200, 201, 403, 204, 403],
      admins: [200, 201, 200, 204, 403],
    })
  })

  test('a tenant is one’s own alone: another’s paths are as if they were not', async () => {
    await gateway.container
      .get(DatabaseToken)
      .systemSession('set up a test', ({ kysely }) =>
        kysely.insertInto('tenants').values({ id: 'acme' }).execute(),
      )
    const enter = async (path: string, org: string): Promise<number> =>
      (await knock(path, token(path, { org }))).status
    await gateway.container.get(ChangeFeed).catchUp()
    expect(await enter('/mcp', 'org-2')).toBe(200)
    expect(await enter('/mcp/notes', 'org-1')).toBe(200)
    const answer = await knock('/mcp/notes', token('/mcp/notes', { org: 'org-2' }))
    expect(answer.json).toMatchObject({
      error: { message: expect.stringContaining('No server is registered') },
    })
    expect(await enter('/t/acme/mcp', 'org-2')).toBe(200)
    expect(await enter('/t/acme/mcp', 'org-1')).toBe(404)
    expect(await enter('/t/default/mcp', 'org-2')).toBe(404)
  })

  test('a policy about a role is about everybody who has it, however they came', async () => {
    const made = await gateway.request('POST', '/api/v1/policies', {
      body: {
        name: 'nobody calls',
        subject: { kind: 'role', id: 'user' },
        rules: { servers: { allow: [] } },
      },
    })
    expect(made.status).toBe(201)
    expect([await enterAs('staff'), await enterAs('operators')]).toEqual([404, 200])
    await gateway.request('DELETE', `/api/v1/policies/${String(made.json['id'])}`)
    expect(await enterAs('staff')).toBe(200)
  })

  test('S12 in the address is refused, whoever sends it', async () => {
    const key = token('/mcp', { org: 'org-1' })
    for (const given of [undefined, key, ADMIN_KEY])
      expect(await knock(`/mcp?access_token=${key}`, given)).toMatchObject({
        status: 400,
        json: { error: { data: { reason: 'token_in_query' } } },
      })
    expect((await gateway.request('GET', `/api/v1/servers?access_token=${key}`)).status).toBe(400)
  })

  test('S8 who is asking is taken from nothing else that a request holds', async () => {
    const pretending = {
      ...MCP_HEADERS,
      'x-user': 'admin',
      'x-forwarded-user': 'admin',
      'x-mreg-principal': 'admin',
      'x-mreg-tenant': 'default',
      'x-remote-user': 'admin',
      'x-api-key': ADMIN_KEY,
      'mcp-session-id': 'admin',
      cookie: `authorization=${ADMIN_KEY}; token=${ADMIN_KEY}`,
    }
    for (const path of ['/mcp', '/mcp/notes?key=admin', '/t/default/mcp'])
      for (const method of ['POST', 'GET', 'DELETE'])
        expect(
          (
            await gateway.request(method, path, {
              key: undefined,
              headers: pretending,
              ...(method === 'POST' ? { body: INITIALIZE } : {}),
            })
          ).status,
        ).toBe(401)
  })

  test('S12 of a megabyte does not even come in', async () => {
    const answer = await fetch(`${gateway.url}/mcp`, {
      headers: { authorization: `Bearer ${'a'.repeat(1_000_000)}` },
    }).then(
      ({ status }) => status,
      () => 'cut off',
    )
    expect([401, 431, 'cut off']).toContain(answer)
    expect((await knock('/mcp', `${'a'.repeat(9000)}.b.c`)).status).toBe(401)
    expect((await gateway.request('GET', '/health')).status).toBe(200)
  })

  test('a stream ends with the token that it was opened with', async () => {
    const exp = Math.floor(Date.now() / 1000) - 28
    const key = token('/mcp/notes', { org: 'org-1', exp })
    const opened = await knock('/mcp/notes', key)
    expect(opened.status).toBe(200)
    const stream = await fetch(`${gateway.url}/mcp/notes`, {
      headers: {
        authorization: `Bearer ${key}`,
        accept: 'text/event-stream',
        'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
        'mcp-protocol-version': '2025-11-25',
      },
    })
    expect(stream.status).toBe(200)
    // Over, one way or the other: the clocks may differ by half a minute, and that is over too.
    await stream.text().catch(() => undefined)
    expect((await knock('/mcp/notes', key)).status).toBe(401)
  })

  test('a session goes on with the next token of the same person, and is nobody else’s', async () => {
    const opened = await knock('/mcp/notes', as('ann'))
    const list = (key: string): Promise<HttpAnswer> =>
      gateway.request('POST', '/mcp/notes', {
        key,
        headers: {
          ...MCP_HEADERS,
          'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
          'mcp-protocol-version': '2025-11-25',
        },
        body: { jsonrpc: '2.0', id: 2, method: 'tools/list' },
      })
    expect((await list(as('ann'))).status).toBe(200)
    expect((await list(as('eve'))).status).toBe(404)
  })

  test('nothing that was answered or logged holds one', () => {
    const seen = gateway.seen.join('\n')
    expect(seen.length).toBeGreaterThan(1000)
    // Every token begins so: {"alg":"ES256","kid":"first"
    expect(seen).not.toContain(Buffer.from('{"alg":"ES256","kid":"firs').toString('base64url').slice(0, 34))
    expect(seen).not.toContain(ADMIN_KEY)
  })
})

describe('with MREG_AUTH_MODE=none', { timeout: 60_000 }, () => {
  test('nobody is challenged at /mcp, and /api is as it is', async () => {
    await using provider = await startIdentityProvider()
    await using gateway = await startWithTokens(
      { issuer: provider.issuer, defaultRole: 'user' },
      { MREG_AUTH_MODE: 'none' },
    )
    const answer = await gateway.request('POST', '/mcp', {
      key: 'whatever',
      headers: MCP_HEADERS,
      body: INITIALIZE,
    })
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([200, null])
    expect((await gateway.request('GET', `${WELL_KNOWN}/mcp`, { key: undefined })).status).toBe(404)
    const refused = await gateway.request('GET', '/api/v1/servers', { key: undefined })
    expect(refused.headers.get('www-authenticate')).toBe(
      `Bearer resource_metadata="${gateway.url}${WELL_KNOWN}/api/v1"`,
    )
    // Nobody can say whether a token is good: that is no fault of its bearer.
    provider.answer((_path, response) => void response.destroy())
    const key = provider.token({ aud: `${gateway.url}/api/v1` })
    const unknown = await gateway.request('GET', '/api/v1/servers', { key })
    expect(unknown).toMatchObject({ status: 503, json: { code: 'token_keys_unavailable' } })
    expect(Number(unknown.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await gateway.request('GET', '/api/v1/servers')).status).toBe(200)
  })
})
