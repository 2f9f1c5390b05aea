import {
  type AuthorizationServer,
  answerJson,
  type ProtectedServer,
  startAuthorizationServer,
  type AuthorizationServerOptions,
  startHttpUpstream,
  startProtectedServer,
} from '@mreg/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { type AuthorizationAnswer, GrantVault, KeyRing, UpstreamLogins } from '../../src/index.ts'
import {
  ADMINISTRATOR,
  everythingIn,
  type OpenLogins,
  openDatabase,
  openLogins,
  REDIRECT_URI,
  rejection,
} from '../support/open-logins.ts'

const resources = new Set<AsyncDisposable>()
const keep = <Resource extends AsyncDisposable>(resource: Resource): Resource => {
  resources.add(resource)
  return resource
}

let database: Awaited<ReturnType<typeof openDatabase>>

beforeAll(async () => {
  database = await openDatabase()
}, 60_000)

afterAll(() => database.close())

afterEach(async () => {
  for (const resource of resources) await resource[Symbol.asyncDispose]()
  resources.clear()
})

interface Stage extends OpenLogins {
  readonly authority: AuthorizationServer
  readonly server: ProtectedServer
  readonly serverId: string
}

/** A protected server, registered as `notes`. */
const setTheStage = async (
  options: AuthorizationServerOptions = {},
  logins: Parameters<typeof openLogins>[1] = {},
): Promise<Stage> => {
  const authority = keep(await startAuthorizationServer(options))
  const server = keep(await startProtectedServer({ authorizationServer: authority }))
  const open = keep(await openLogins(database, logins))
  return { ...open, authority, server, serverId: await open.register('notes', server.url) }
}

const answerIn = (url: URL): AuthorizationAnswer => ({
  state: url.searchParams.get('state') ?? '',
  code: url.searchParams.get('code') ?? undefined,
  error: url.searchParams.get('error') ?? undefined,
  iss: url.searchParams.get('iss') ?? undefined,
})

const logIn = async ({ logins, authority }: Stage): Promise<void> => {
  const { authorizationUrl, loginId } = await logins.begin(ADMINISTRATOR, 'notes', {
    redirectUri: REDIRECT_URI,
  })
  await logins.finish(ADMINISTRATOR, 'notes', loginId, answerIn(await authority.consent(authorizationUrl)))
}

const call = (url: string, token: string | undefined): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'echo', arguments: { message: 'hello' } },
    }),
  })

describe('a login', { timeout: 30_000 }, () => {
  it('gives a token that the server takes, for that server only, with PKCE', async () => {
    const stage = await setTheStage()
    await logIn(stage)

    const token = stage.grants.tokenFor(stage.serverId, stage.server.url)
    expect((await call(stage.server.url, undefined)).status).toBe(401)
    expect((await call(stage.server.url, token)).status).toBe(200)
    const parametersOf = (path: string): Readonly<Record<string, string>> | undefined =>
      stage.authority.requests.find((request) => request.path === path)?.parameters
    expect(parametersOf('/auth')).toMatchObject({
      response_type: 'code',
      resource: stage.server.url,
      code_challenge_method: 'S256',
      redirect_uri: REDIRECT_URI,
    })
    expect(parametersOf('/token')).toMatchObject({
      grant_type: 'authorization_code',
      resource: stage.server.url,
      code_verifier: expect.stringMatching(/^[\w.~-]{43,128}$/u),
    })
    expect(parametersOf('/reg')).toMatchObject({ application_type: 'native' })
  })

  it('gives nothing to another server, nor to the same one at another address', async () => {
    const stage = await setTheStage()
    await logIn(stage)
    const other = await stage.register('other', stage.server.url)

    expect(stage.grants.tokenFor(other, stage.server.url)).toBeUndefined()
    for (const url of ['http://127.0.0.1:1/mcp', stage.server.url.replace('/mcp', '/mcpx'), 'not a url'])
      expect(stage.grants.tokenFor(stage.serverId, url)).toBeUndefined()
  })

  it('again asks for what the one before it is good for too, unless that was forgotten', async () => {
    const scopes = ['mcp:use']
    const authority = keep(await startAuthorizationServer())
    const server = keep(await startProtectedServer({ authorizationServer: authority, scopes }))
    const open = keep(await openLogins(database))
    const serverId = await open.register('notes', server.url)
    const stage: Stage = { ...open, authority, server, serverId }
    const askedFor = (): readonly string[] =>
      (authority.requests.findLast(({ path }) => path === '/auth')?.parameters['scope'] ?? '').split(' ')
    await logIn(stage)
    expect(askedFor()).not.toContain('mcp:write')

    scopes[0] = 'mcp:write'
    await logIn(stage)
    expect(askedFor()).toEqual(expect.arrayContaining(['mcp:use', 'mcp:write']))
    const token = stage.grants.tokenFor(serverId, server.url) ?? ''
    expect((await authority.verify(token))?.scopes).toEqual(expect.arrayContaining(['mcp:use', 'mcp:write']))

    await stage.logins.forget(ADMINISTRATOR, 'notes')
    await logIn(stage)
    expect(askedFor()).toContain('mcp:write')
    expect(askedFor()).not.toContain('mcp:use')
  })

  it('works with a client that was registered by hand', async () => {
    const stage = await setTheStage({
      registration: false,
      clients: [{ clientId: 'known', redirectUris: [REDIRECT_URI] }],
    })

    const without = await rejection(stage.logins.begin(ADMINISTRATOR, 'notes', { redirectUri: REDIRECT_URI }))
    const { authorizationUrl, loginId } = await stage.logins.begin(ADMINISTRATOR, 'notes', {
      redirectUri: REDIRECT_URI,
      clientId: 'known',
    })
    await stage.logins.finish(
      ADMINISTRATOR,
      'notes',
      loginId,
      answerIn(await stage.authority.consent(authorizationUrl)),
    )

    expect(without).toMatchObject({ kind: 'conflict', code: 'login_client_needed' })
    expect(stage.grants.tokenFor(stage.serverId, stage.server.url)).toBeDefined()
  })

  it('names the published client metadata where the authorization server reads that, and registers nothing', async () => {
    const { network, authority } = await setTheStage({
      metadata: (same) => ({ ...same, client_id_metadata_document_supported: true }),
    })
    const metadataDocumentUrl = 'https://gateway.example/oauth-client.json'
    const vault = new GrantVault(new KeyRing(['test key']))
    const logins = new UpstreamLogins({
      database,
      vault,
      network,
      metadataDocumentUrl,
      catchUp: () => Promise.resolve(),
    })

    const { authorizationUrl } = await logins.begin(ADMINISTRATOR, 'notes', { redirectUri: REDIRECT_URI })

    expect(new URL(authorizationUrl).searchParams.get('client_id')).toBe(metadataDocumentUrl)
    expect(authority.requests).toEqual([])
  })

  it('S16 is refused with another state, and is over then', async () => {
    const { logins, authority } = await setTheStage()
    const { authorizationUrl, loginId } = await logins.begin(ADMINISTRATOR, 'notes', {
      redirectUri: REDIRECT_URI,
    })
    const answer = answerIn(await authority.consent(authorizationUrl))

    expect(
      await rejection(logins.finish(ADMINISTRATOR, 'notes', loginId, { ...answer, state: 'x' })),
    ).toMatchObject({ code: 'login_state_mismatch' })
    expect(await rejection(logins.finish(ADMINISTRATOR, 'notes', loginId, answer))).toMatchObject({
      code: 'login_not_found',
    })
    expect(authority.requests.filter(({ path }) => path === '/token')).toEqual([])
  })

  it('S16 is finished once', async () => {
    const { logins, authority } = await setTheStage()
    const { authorizationUrl, loginId } = await logins.begin(ADMINISTRATOR, 'notes', {
      redirectUri: REDIRECT_URI,
    })
    const answer = answerIn(await authority.consent(authorizationUrl))
    await logins.finish(ADMINISTRATOR, 'notes', loginId, answer)

    expect(await rejection(logins.finish(ADMINISTRATOR, 'notes', loginId, answer))).toMatchObject({
      code: 'login_not_found',
    })
  })

  it.each([
    ['from another issuer', 'https://evil.example'],
    ['that leaves out the issuer although it said it would not', undefined],
  ])('is refused with an answer %s, before a code is sent anywhere', async (_what, iss) => {
    const { logins, authority } = await setTheStage()
    const { authorizationUrl, loginId } = await logins.begin(ADMINISTRATOR, 'notes', {
      redirectUri: REDIRECT_URI,
    })
    const answer = answerIn(await authority.consent(authorizationUrl))

    expect(await rejection(logins.finish(ADMINISTRATOR, 'notes', loginId, { ...answer, iss }))).toMatchObject(
      { code: 'login_issuer_mismatch' },
    )
    expect(authority.requests.filter(({ path }) => path === '/token')).toEqual([])
  })

  it('S16 sends no code of one authorization server to another (mix-up)', async () => {
    const stage = await setTheStage()
    const evil = keep(await startAuthorizationServer())
    const evilServer = keep(await startProtectedServer({ authorizationServer: evil }))
    await stage.register('evil', evilServer.url)
    const honest = await stage.logins.begin(ADMINISTRATOR, 'notes', { redirectUri: REDIRECT_URI })
    const begun = await stage.logins.begin(ADMINISTRATOR, 'evil', { redirectUri: REDIRECT_URI })
    const honestAnswer = answerIn(await stage.authority.consent(honest.authorizationUrl))
    const evilState = new URL(begun.authorizationUrl).searchParams.get('state') ?? ''

    const mixed = await rejection(
      stage.logins.finish(ADMINISTRATOR, 'evil', begun.loginId, { ...honestAnswer, state: evilState }),
    )
    const crossed = await rejection(stage.logins.finish(ADMINISTRATOR, 'evil', honest.loginId, honestAnswer))

    expect(mixed).toMatchObject({ code: 'login_issuer_mismatch' })
    expect(crossed).toMatchObject({ code: 'login_not_found' })
    expect(evil.requests.filter(({ path }) => path === '/token')).toEqual([])
  })

  it('says when the person refuses, without repeating what the server says', async () => {
    const { logins } = await setTheStage()
    const { authorizationUrl, loginId } = await logins.begin(ADMINISTRATOR, 'notes', {
      redirectUri: REDIRECT_URI,
    })
    const url = new URL(authorizationUrl)
    const issuer = url.origin
    const state = url.searchParams.get('state') ?? ''

    expect(
      await rejection(
        logins.finish(ADMINISTRATOR, 'notes', loginId, { state, iss: issuer, error: 'access_denied' }),
      ),
    ).toMatchObject({
      code: 'login_refused',
      message: 'the authorization server refused the login (access_denied)',
    })
  })

  it('expires after ten minutes; at most 64 are open', async () => {
    let now = Date.now()
    const { logins, authority } = await setTheStage({}, { now: () => now })
    const { authorizationUrl, loginId } = await logins.begin(ADMINISTRATOR, 'notes', {
      redirectUri: REDIRECT_URI,
    })
    const answer = answerIn(await authority.consent(authorizationUrl))
    now += 600_001
    expect(await rejection(logins.finish(ADMINISTRATOR, 'notes', loginId, answer))).toMatchObject({
      code: 'login_not_found',
    })

    const input = { redirectUri: REDIRECT_URI, clientId: 'known' }
    for (let open = 0; open < 64; open += 1) await logins.begin(ADMINISTRATOR, 'notes', input)
    expect(await rejection(logins.begin(ADMINISTRATOR, 'notes', input))).toMatchObject({
      code: 'too_many_logins',
    })
    now += 600_001
    await logins.begin(ADMINISTRATOR, 'notes', input)
  })

  it('takes only redirects to this machine, from operators, for servers that exist', async () => {
    const { logins } = await setTheStage()
    for (const redirectUri of [
      'https://evil.example/callback',
      'http://localhost:1/callback',
      'http://127.0.0.1.evil.example/',
      'javascript:alert(1)',
    ]) {
      expect(await rejection(logins.begin(ADMINISTRATOR, 'notes', { redirectUri }))).toMatchObject({
        kind: 'validation',
      })
    }
    const user = { ...ADMINISTRATOR, role: 'user' } as const
    const input = { redirectUri: REDIRECT_URI }
    expect(await rejection(logins.begin(user, 'notes', input))).toMatchObject({ code: 'role_too_low' })
    expect(await rejection(logins.forget(user, 'notes'))).toMatchObject({ code: 'role_too_low' })
    expect(await rejection(logins.begin(ADMINISTRATOR, 'nobody', input))).toMatchObject({
      code: 'server_not_found',
    })
  })

  it('is forgotten on demand', async () => {
    const stage = await setTheStage()
    await logIn(stage)

    expect(await stage.logins.forget(ADMINISTRATOR, 'notes')).toBe(true)
    expect(await stage.logins.forget(ADMINISTRATOR, 'notes')).toBe(false)
    expect(stage.grants.tokenFor(stage.serverId, stage.server.url)).toBeUndefined()
  })
})

const beginWith = async (options: AuthorizationServerOptions): Promise<unknown> => {
  const { logins } = await setTheStage(options)
  return rejection(logins.begin(ADMINISTRATOR, 'notes', { redirectUri: REDIRECT_URI }))
}

const withoutPkce = ({
  code_challenge_methods_supported: _left,
  ...rest
}: Record<string, unknown>): Record<string, unknown> => rest

describe('an authorization server', { timeout: 30_000 }, () => {
  it('that does not say that it takes PKCE is not used', async () => {
    expect(await beginWith({ metadata: withoutPkce })).toMatchObject({ code: 'login_unsupported' })
  })

  it('whose metadata is that of another is not used', async () => {
    expect(
      await beginWith({ metadata: (same) => ({ ...same, issuer: 'https://other.example' }) }),
    ).toMatchObject({ code: 'login_metadata_invalid' })
  })

  it.each(['javascript:alert(1)', 'file:///etc/passwd', 'http://login.example/auth'])(
    'cannot open %s in the browser (S28, S58)',
    async (address) => {
      expect(
        await beginWith({ metadata: (same) => ({ ...same, authorization_endpoint: address }) }),
      ).toMatchObject({ code: 'login_address_refused' })
    },
  )
})

describe('the metadata of a server', { timeout: 30_000 }, () => {
  it('is found at the well-known path when the challenge does not say where', async () => {
    const authority = keep(await startAuthorizationServer())
    const server = keep(
      await startProtectedServer({ authorizationServer: authority, challengeSaysWhere: false }),
    )
    const open = keep(await openLogins(database))
    await open.register('notes', server.url)

    const { authorizationUrl } = await open.logins.begin(ADMINISTRATOR, 'notes', {
      redirectUri: REDIRECT_URI,
    })

    expect(new URL(authorizationUrl).searchParams.get('resource')).toBe(server.url)
  })

  it('S15 of another resource is refused', async () => {
    const authority = keep(await startAuthorizationServer())
    const resourceMetadata = { resource: 'https://bank.example/mcp' }
    const server = keep(await startProtectedServer({ authorizationServer: authority, resourceMetadata }))
    const open = keep(await openLogins(database))
    await open.register('notes', server.url)

    expect(
      await rejection(open.logins.begin(ADMINISTRATOR, 'notes', { redirectUri: REDIRECT_URI })),
    ).toMatchObject({ code: 'login_metadata_invalid' })
    expect(authority.requests).toEqual([])
  })

  it('is missing where no login is offered', async () => {
    const upstream = keep(
      await startHttpUpstream((_request, response) => answerJson(response, {}, { status: 404 })),
    )
    const open = keep(await openLogins(database))
    await open.register('plain', upstream.url)

    expect(
      await rejection(open.logins.begin(ADMINISTRATOR, 'plain', { redirectUri: REDIRECT_URI })),
    ).toMatchObject({ code: 'login_not_offered' })
  })
})

describe('the tokens', { timeout: 30_000 }, () => {
  it('S53 are in no table in the clear, in no log and in no error', async () => {
    const stage = await setTheStage({ accessTokenSeconds: 3600 })
    await logIn(stage)
    const first = stage.grants.tokenFor(stage.serverId, stage.server.url) ?? ''
    await stage.authority.revokeAll()
    await stage.grants.renew(stage.serverId, first)
    await logIn(stage)
    const { authorizationUrl, loginId } = await stage.logins.begin(ADMINISTRATOR, 'notes', {
      redirectUri: REDIRECT_URI,
    })
    const answer = answerIn(await stage.authority.consent(authorizationUrl))
    const error = await rejection(
      stage.logins.finish(ADMINISTRATOR, 'notes', loginId, { ...answer, code: 'canary-code' }),
    )
    expect(error).toMatchObject({ code: 'login_refused' })

    const rows = await stage.database.systemSession('test', ({ kysely }) =>
      kysely.selectFrom('upstream_grants').selectAll().execute(),
    )
    expect(rows).toHaveLength(1)
    const bytes = rows.map(({ ciphertext }) => Buffer.from(ciphertext).toString('latin1')).join('')
    const seen = [JSON.stringify(rows), bytes, ...stage.log, everythingIn(error)].join('\n')
    expect(stage.authority.tokens.length).toBeGreaterThanOrEqual(4)
    for (const secret of [...stage.authority.tokens, 'canary-code', answer.code ?? '']) {
      expect(secret.length).toBeGreaterThan(8)
      expect(seen).not.toContain(secret)
    }
  })
})
