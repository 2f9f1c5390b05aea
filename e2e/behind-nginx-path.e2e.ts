import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  type AuthorizationServer,
  type FixtureServer,
  freePort,
  type GatewayProcess,
  LOGIN_CLIENTS,
  removeDataDirectory,
  startAuthorizationServer,
  startFixtureServer,
  startGateway,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { findNginx, type Nginx, startNginx } from './nginx.ts'
import { createOwnAuthority, findOpenssl, trust } from './own-authority.ts'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

const nginx = await findNginx()
const openssl = await findOpenssl()
const isPossible = nginx !== undefined && openssl !== undefined
if (!isPossible) {
  process.stderr.write(
    '\n!!! A path behind nginx with TLS is NOT tested: there is no nginx (Debian: nginx-light) or no openssl.\n\n',
  )
}

// The gateway is at https://localhost:PORT/tools/mreg, the provider at https://localhost:OTHER, and an authority that nobody
// else knows vouches for both.
describe.runIf(isPossible)('below a path of an nginx with TLS', { timeout: 120_000 }, () => {
  const resources = new AsyncDisposableStack()
  let provider: AuthorizationServer
  let providerFront: Nginx
  let gateway: GatewayProcess
  let server: FixtureServer
  let origin: string
  let url: string

  beforeAll(async () => {
    const root = await mkdtemp(join(tmpdir(), 'mreg-nginx-'))
    resources.defer(() => removeDataDirectory(root))
    const authority = await createOwnAuthority(openssl ?? '', join(root, 'authority'))
    resources.defer(await trust(authority))

    const [port, providerPort, hiddenPort] = [await freePort(), await freePort(), await freePort()]
    provider = resources.use(
      await startAuthorizationServer({
        issuer: `https://localhost:${providerPort}`,
        port: hiddenPort,
        tokenClaims: () => ({ groups: ['staff'] }),
      }),
    )
    providerFront = resources.use(
      await startNginx({
        executable: nginx ?? '',
        directory: join(root, 'nginx-provider'),
        directives: authority.nginxDirectives(providerPort),
        locations: { '/': `http://127.0.0.1:${hiddenPort}` },
      }),
    )
    const settings = join(root, 'settings.json')
    const oidc = { issuer: provider.issuer, scopes: ['mcp:use'], roles: { user: ['staff'] } }
    await writeFile(settings, JSON.stringify({ oidc }))
    origin = `https://localhost:${port}`
    url = `${origin}/tools/mreg`
    gateway = resources.use(
      await startGateway({
        dataDirectory: join(root, 'data'),
        environment: {
          MREG_AUTH_MODE: 'required',
          MREG_CONFIG: settings,
          MREG_PUBLIC_URL: url,
          NODE_EXTRA_CA_CERTS: authority.certificate,
        },
      }),
    )
    resources.use(
      await startNginx({
        executable: nginx ?? '',
        directory: join(root, 'nginx'),
        directives: authority.nginxDirectives(port),
        locations: {
          '/tools/mreg/': `${gateway.url}/`,
          [`${WELL_KNOWN}/tools/mreg/`]: gateway.url,
        },
      }),
    )
    server = await startFixtureServer()
    resources.defer(() => server.stop())
    for (const slug of ['notes', 'mail', 'news']) expect((await register(slug, server.url)).status).toBe(201)
  }, 120_000)
  afterAll(() => resources.disposeAsync())

  const api = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${url}/api/v1${path}`, {
      ...init,
      headers: { authorization: `Bearer ${gateway.adminKey}`, 'content-type': 'application/json' },
    })
  const register = (slug: string, address: string): Promise<Response> =>
    api('/servers', {
      method: 'POST',
      body: JSON.stringify({ slug, endpoints: [{ transport: 'streamable-http', url: address }] }),
    })

  test.each(['/mcp', '/mcp/notes', '/mcp/sets/some', '/t/default/mcp/notes'])(
    'the metadata of %s are where the challenge says, and where clients look by themselves',
    async (path) => {
      const challenged = await fetch(`${url}${path}`, { method: 'POST' })
      expect([challenged.status, challenged.headers.get('www-authenticate')]).toEqual([
        401,
        `Bearer scope="mcp:use", resource_metadata="${url}${WELL_KNOWN}${path}"`,
      ])
      for (const place of [`${url}${WELL_KNOWN}${path}`, `${origin}${WELL_KNOWN}/tools/mreg${path}`])
        expect(await (await fetch(place)).json()).toMatchObject({
          resource: `${url}${path}`,
          authorization_servers: [provider.issuer],
        })
    },
  )

  test('the gateway says of itself to authorization servers that it is there', async () => {
    const address = `${url}/oauth-client.json`
    expect(await (await fetch(address)).json()).toMatchObject({ client_id: address, client_uri: url })
  })

  test.each(LOGIN_CLIENTS)('%s logs in, calls, and hears of progress as it is made', async (_name, logIn) => {
    await using client = await logIn(`${url}/mcp/notes`, provider)
    expect(client.login.visits[0]?.searchParams.get('resource')).toBe(`${url}/mcp/notes`)
    const heard = Promise.withResolvers<number>()
    const call = client.call('hold', {}, heard.resolve)
    // The tool goes on only when the client has heard of it: nothing on the way waits for more.
    expect(await heard.promise).toBe(1)
    server.release()
    expect(await call).not.toHaveProperty('isError', true)
    await using all = await logIn(`${url}/mcp`, provider)
    // The first merged list waits only a moment for servers that have just come.
    await expect.poll(() => all.toolNames(), { timeout: 30_000 }).toContain('mail__echo')
    expect(JSON.stringify(await all.call('mail__echo', { message: 'hello' }))).toContain('hello')
  })

  test('pages follow each other, and what was made is where its answer says', async () => {
    const slugs: string[] = []
    let cursor: string | undefined
    do {
      const text = await (
        await api(`/servers?limit=1${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`)
      ).text()
      const page: { items: { slug: string }[]; nextCursor?: string } = JSON.parse(text)
      slugs.push(...page.items.map(({ slug }) => slug))
      cursor = page.nextCursor
    } while (cursor !== undefined)
    expect(slugs.toSorted()).toEqual(['mail', 'news', 'notes'])

    const made = await register('more', 'http://127.0.0.1:9/mcp')
    const found = await fetch(new URL(made.headers.get('location') ?? '', origin), {
      headers: { authorization: `Bearer ${gateway.adminKey}` },
    })
    expect(await found.json()).toMatchObject({ slug: 'more' })
  })

  test('F54 whoever has a token is let in while the provider is away, and nobody whose token is not good', async () => {
    const [, logIn] = LOGIN_CLIENTS[0] ?? []
    const client = await logIn?.(`${url}/mcp/mail`, provider)
    const token = client?.login.tokens()?.access_token ?? ''
    await client?.[Symbol.asyncDispose]()
    await providerFront[Symbol.asyncDispose]()
    await expect(fetch(provider.issuer)).rejects.toThrow('fetch failed')
    const knock = async (key: string): Promise<number> => {
      const answer = await fetch(`${url}/mcp/mail`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${key}` },
      })
      await answer.arrayBuffer()
      return answer.status
    }
    expect(await knock(token)).not.toBe(401)
    expect(await knock(`${token.slice(0, token.lastIndexOf('.'))}.AAAA`)).toBe(401)
    const [header = '', ...rest] = token.split('.')
    const unknown = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), kid: 'unknown' }
    const forged = [Buffer.from(JSON.stringify(unknown)).toString('base64url'), ...rest].join('.')
    for (let round = 0; round < 20; round += 1) expect(await knock(forged)).toBe(401)
  })
})
