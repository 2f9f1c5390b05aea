import {
  type AuthorizationServer,
  startAuthorizationServer,
  startProtectedServer,
  waitUntil,
} from '@mreg/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import {
  ADMINISTRATOR,
  openDatabase,
  type OpenLogins,
  openLogins,
  REDIRECT_URI,
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
  readonly url: string
  readonly serverId: string
  token(): string
}

/** A server for which somebody has logged in. */
const loggedIn = async (
  options: { readonly accessTokenSeconds?: number; readonly sweepMs?: number } = {},
): Promise<Stage> => {
  const { accessTokenSeconds, sweepMs } = options
  const authority = keep(
    await startAuthorizationServer(accessTokenSeconds === undefined ? {} : { accessTokenSeconds }),
  )
  const { url } = keep(await startProtectedServer({ authorizationServer: authority }))
  const open = keep(await openLogins(database, sweepMs === undefined ? {} : { sweepMs }))
  const serverId = await open.register('notes', url)
  const { authorizationUrl, loginId } = await open.logins.begin(ADMINISTRATOR, 'notes', {
    redirectUri: REDIRECT_URI,
  })
  const { searchParams } = await authority.consent(authorizationUrl)
  await open.logins.finish(ADMINISTRATOR, 'notes', loginId, {
    state: searchParams.get('state') ?? '',
    code: searchParams.get('code') ?? '',
    iss: searchParams.get('iss') ?? '',
  })
  return { ...open, authority, url, serverId, token: () => open.grants.tokenFor(serverId, url) ?? '' }
}

const refreshes = ({ authority }: Stage): number =>
  authority.requests.filter(({ parameters }) => parameters['grant_type'] === 'refresh_token').length

describe('a grant', { timeout: 30_000 }, () => {
  it('is refreshed before it expires, for the same resource', async () => {
    const stage = await loggedIn({ accessTokenSeconds: 3, sweepMs: 50 })
    const first = stage.token()

    await waitUntil('another token', () => stage.token() !== first)

    expect(await stage.authority.verify(stage.token())).toMatchObject({ audience: stage.url })
    expect(stage.authority.requests.at(-1)?.parameters).toMatchObject({
      grant_type: 'refresh_token',
      resource: stage.url,
    })
  })

  it('is refreshed again and again with the newest refresh token', async () => {
    const stage = await loggedIn({ accessTokenSeconds: 2, sweepMs: 50 })

    await waitUntil('three refreshes', () => refreshes(stage) >= 3, { timeoutMs: 15_000 })

    const used = stage.authority.requests.flatMap(({ parameters }) => parameters['refresh_token'] ?? [])
    expect(new Set(used).size).toBe(used.length)
    expect(stage.token()).not.toBe('')
  })

  it('is renewed once for all whose token was refused', async () => {
    const stage = await loggedIn()
    const first = stage.token()
    await stage.authority.expireAccessTokens()

    const renewed = await Promise.all([
      stage.grants.renew(stage.serverId, first),
      stage.grants.renew(stage.serverId, first),
      stage.grants.renew(stage.serverId, first),
    ])
    const late = await stage.grants.renew(stage.serverId, first)

    expect([...renewed, late]).toEqual([true, true, true, true])
    expect(refreshes(stage)).toBe(1)
    expect(await stage.authority.verify(stage.token())).toBeDefined()
  })

  it('whose fresh token is refused too is not renewed again', async () => {
    const stage = await loggedIn()
    await stage.grants.renew(stage.serverId, stage.token())

    expect(await stage.grants.renew(stage.serverId, stage.token())).toBe(false)
    expect(refreshes(stage)).toBe(1)
  })

  it('is refreshed by one of several processes, and the others take it over', async () => {
    const stage = await loggedIn()
    const other = stage.another()
    await stage.catchUp()
    const first = stage.token()

    const renewed = await Promise.all([
      stage.grants.renew(stage.serverId, first),
      other.renew(stage.serverId, first),
    ])

    expect(renewed).toEqual([true, true])
    expect(refreshes(stage)).toBe(1)
    expect(other.tokenFor(stage.serverId, stage.url)).toBe(stage.token())
    expect(stage.token()).not.toBe(first)
  })

  it('that was revoked is gone: a new login is needed', async () => {
    const stage = await loggedIn()
    await stage.authority.revokeAll()

    expect(await stage.grants.renew(stage.serverId, stage.token())).toBe(false)
    expect(stage.token()).toBe('')
    expect(stage.log.join('\n')).toContain('log in again')
    const left = await stage.database.systemSession('test', ({ kysely }) =>
      kysely.selectFrom('upstream_grants').selectAll().execute(),
    )
    expect(left).toEqual([])
  })

  it('survives an authorization server that is away', async () => {
    const stage = await loggedIn()
    const first = stage.token()
    await stage.authority.stop()

    expect(await stage.grants.renew(stage.serverId, first)).toBe(false)

    expect(stage.token()).toBe(first)
    expect(stage.log.join('\n')).toContain('could not be refreshed')
    for (const token of stage.authority.tokens) expect(stage.log.join('\n')).not.toContain(token)
  })
})
