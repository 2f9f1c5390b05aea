import {
  type AuthorizationServer,
  type FixtureServer,
  LOGIN_CLIENTS,
  startAuthorizationServer,
  startFixtureServer,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { InProcessGateway } from './support/in-process-gateway.ts'
import { startWithTokens } from './support/with-tokens.ts'

describe('clients that know nothing but an address', { timeout: 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  let authorizationServer: AuthorizationServer
  let gateway: InProcessGateway
  let server: FixtureServer
  let claims: Readonly<Record<string, unknown>> = {}

  beforeAll(async () => {
    authorizationServer = resources.use(await startAuthorizationServer({ tokenClaims: () => claims }))
    server = await startFixtureServer()
    resources.defer(() => server.stop())
    gateway = resources.use(
      await startWithTokens({
        issuer: authorizationServer.issuer,
        scopes: ['mcp:use'],
        roles: { user: ['staff'], readonly: ['guests'] },
      }),
    )
    const endpoints = [{ transport: 'streamable-http', url: server.url }]
    await gateway.request('POST', '/api/v1/servers', { body: { slug: 'notes', endpoints } })
    await gateway.request('POST', '/api/v1/toolsets', {
      body: { slug: 'some', items: [{ serverSlug: 'notes', namePattern: 'echo' }] },
    })
  })
  afterAll(() => resources.disposeAsync())

  describe.each(LOGIN_CLIENTS)('%s', (_name, logIn) => {
    test.each([
      ['/mcp', 'notes__echo'],
      ['/mcp/notes', 'echo'],
      ['/mcp/sets/some', 'notes__echo'],
      ['/t/default/mcp/notes', 'echo'],
    ])('logs in at %s with PKCE for exactly that address, and calls a tool', async (path, tool) => {
      claims = { groups: ['staff'] }
      await using client = await logIn(`${gateway.url}${path}`, authorizationServer)
      const { searchParams } = client.login.visits[0] ?? new URL('about:blank')
      expect(Object.fromEntries(searchParams)).toMatchObject({
        code_challenge_method: 'S256',
        resource: `${gateway.url}${path}`,
        // What the gateway asks for, and perhaps what lets it come back by itself.
        scope: expect.stringMatching(/^mcp:use( offline_access)?$/u),
      })
      expect(JSON.stringify(await client.call(tool, { message: 'hello' }))).toContain('hello')
    })

    test('has the role that its groups give', async () => {
      claims = { groups: ['guests'] }
      await using guest = await logIn(`${gateway.url}/mcp/notes`, authorizationServer)
      expect(await guest.toolNames()).toEqual(['echo'])
      claims = { groups: ['staff'] }
      await using staff = await logIn(`${gateway.url}/mcp/notes`, authorizationServer)
      expect((await staff.toolNames()).length).toBeGreaterThan(3)
      claims = { groups: ['others'] }
      await expect(logIn(`${gateway.url}/mcp/notes`, authorizationServer)).rejects.toThrow(
        /none of your roles|403|Forbidden/iu,
      )
    })

    test('gets a fresh token when its own is over, without a person', async () => {
      claims = { groups: ['staff'] }
      await using first = await logIn(`${gateway.url}/mcp/notes`, authorizationServer)
      const before = first.login.tokens()?.access_token ?? ''
      // What it has is replaced by one that is over.
      const [header, content] = before.split('.')
      first.login.saveTokens({
        ...first.login.tokens(),
        access_token: `${header}.${content}.AAAA`,
        token_type: 'Bearer',
      })
      await using second = await logIn(`${gateway.url}/mcp/notes`, authorizationServer, first.login)
      expect(JSON.stringify(await second.call('echo', { message: 'again' }))).toContain('again')
      expect(second.login.visits).toHaveLength(1)
      expect(second.login.tokens()?.access_token).not.toBe(before)
    })

    test('is sent to the browser again when what it has was revoked', async () => {
      claims = { groups: ['staff'] }
      await using first = await logIn(`${gateway.url}/mcp/notes`, authorizationServer)
      await authorizationServer.revokeAll()
      const { login } = first
      const [header, content] = (login.tokens()?.access_token ?? '').split('.')
      login.saveTokens({ ...login.tokens(), access_token: `${header}.${content}.AAAA`, token_type: 'Bearer' })
      await using second = await logIn(`${gateway.url}/mcp/notes`, authorizationServer, login)
      expect(second.login.visits).toHaveLength(2)
      expect(JSON.stringify(await second.call('echo', { message: 'again' }))).toContain('again')
    })
  })

  test('a token for one endpoint opens no other', async () => {
    claims = { groups: ['staff'] }
    const [, logIn] = LOGIN_CLIENTS[0] ?? []
    const client = await logIn?.(`${gateway.url}/mcp/notes`, authorizationServer)
    const key = client?.login.tokens()?.access_token
    for (const path of ['/mcp', '/mcp/sets/some', '/t/default/mcp/notes'])
      expect((await gateway.request('GET', path, { key })).status).toBe(401)
    expect((await gateway.request('GET', '/api/v1/servers', { key })).status).toBe(401)
    await client?.[Symbol.asyncDispose]()
  })

  test('no token was logged or answered', () => {
    expect(gateway.seen.join('\n')).not.toMatch(/eyJ[\w-]{20}/u)
  })
})
