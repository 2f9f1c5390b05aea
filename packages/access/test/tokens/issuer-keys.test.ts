import type { ServerResponse } from 'node:http'

import { UnavailableError } from '@mreg/core'
import { createEgressGuard, HttpPool, NameResolver } from '@mreg/http-pool'
import { createSigningKey, type IdentityProvider, startIdentityProvider } from '@mreg/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createLoginNetwork } from '../../src/index.ts'
import { createOAuthFetch } from '../../src/oauth/oauth-fetch.ts'
import { IssuerKeys, type KnownKeys } from '../../src/tokens.ts'
import { AUDIENCE, openVerifier } from '../support/open-verifier.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

const has = async ({ keys: known }: KnownKeys, kid: string): Promise<boolean> => {
  const header = { alg: 'ES256', kid }
  return known(header, { payload: '', signature: '' }).then(
    () => true,
    () => false,
  )
}

describe('the keys of an identity provider', () => {
  let provider: IdentityProvider
  let pool: HttpPool
  let keys: IssuerKeys
  let nowMs: number

  beforeEach(async () => {
    provider = await startIdentityProvider()
    pool = new HttpPool({ closeTimeoutMs: 100 })
    nowMs = 0
    const network = createLoginNetwork({ pool, publicPool: pool, lookup: new NameResolver().lookup })
    keys = new IssuerKeys({
      issuer: provider.issuer,
      fetch: createOAuthFetch(network, provider.issuer),
      refreshMs: 5 * MINUTE_MS,
      maxStaleMs: 24 * HOUR_MS,
      now: () => nowMs,
    })
  })
  afterEach(async () => {
    await provider.stop()
    await pool.close()
  })

  const fetches = (): number => provider.requests.filter((path) => path === '/keys').length
  const goAway = (): void => provider.answer((_path, response) => void response.destroy())
  const outcome = async (): Promise<string> => {
    try {
      await keys.current()
      return 'known'
    } catch (error) {
      if (UnavailableError.is(error)) return `${error.code} ${error.retryAfterMs}`
      throw error
    }
  }

  it('F54 are fetched once for all who ask at the same time, and not again for a while', async () => {
    await Promise.all(Array.from({ length: 50 }, () => keys.current()))
    expect(fetches()).toBe(1)
    nowMs += 5 * MINUTE_MS
    await keys.current()
    expect(fetches()).toBe(1)
    nowMs += 1
    await keys.current()
    expect(fetches()).toBe(2)
  })

  it('F54 that are new are found when they are first used', async () => {
    const known = await keys.current()
    provider.publish(createSigningKey('second'))
    nowMs += 11_000
    const newer = await keys.newerThan(known)
    expect(newer !== undefined && (await has(newer, 'second'))).toBe(true)
    expect(newer !== undefined && (await has(newer, 'first'))).toBe(false)
  })

  it('F54 that nobody knows are looked for once each ten seconds, however many tokens name them', async () => {
    await using open = await openVerifier({}, { provider })
    expect(await open.outcome(provider.token({ aud: AUDIENCE }))).toBe('good')
    const before = fetches()
    const bad = Array.from({ length: 1000 }, (_, index) =>
      open.outcome(provider.token({ aud: AUDIENCE }, { kid: `bad-${index}` })),
    )
    expect(new Set(await Promise.all(bad))).toEqual(new Set(['token_invalid']))
    expect(fetches() - before).toBeLessThanOrEqual(1)
  })

  it('F54 stay good while the provider is away, for a day and no longer', async () => {
    await keys.current()
    goAway()
    nowMs += 24 * HOUR_MS
    expect(await outcome()).toBe('known')
    nowMs += 1
    expect(await outcome()).toMatch(/^token_keys_unavailable/u)
    nowMs += 10_000
    provider.answer(undefined)
    expect(await outcome()).toBe('known')
  })

  it('F54 that a provider does not give are asked for each ten seconds, and nobody waits for them', async () => {
    let hanging: ServerResponse | undefined
    await keys.current()
    provider.answer((_path, response) => void response.writeHead(500).end())
    nowMs += 6 * MINUTE_MS
    await keys.current()
    const failed = fetches()
    for (let second = 0; second < 9; second += 1) {
      nowMs += 1000
      await keys.current()
    }
    expect(fetches()).toBe(failed)
    const waiting = new Promise<void>((resolve) => {
      provider.answer((_path, response) => {
        hanging = response
        resolve()
      })
    })
    nowMs += 2000
    expect(await has(await keys.current(), 'first')).toBe(true)
    await waiting
    hanging?.destroy()
  })

  it('that were never had are an error that says when to come again', async () => {
    goAway()
    expect(await outcome()).toBe('token_keys_unavailable 10000')
    nowMs += 4000
    expect(await outcome()).toBe('token_keys_unavailable 6000')
    provider.answer(undefined)
    expect(await outcome()).toBe('token_keys_unavailable 6000')
    nowMs += 6000
    expect(await outcome()).toBe('known')
  })

  it('may move: where they are is looked up again when they are not there', async () => {
    await keys.current()
    const moved = await startIdentityProvider()
    provider.answer((path, response) => {
      const found = path.endsWith('openid-configuration')
      response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ issuer: provider.issuer, jwks_uri: `${moved.issuer}/keys` }))
    })
    nowMs += 6 * MINUTE_MS
    await keys.current()
    nowMs += 11_000
    await keys.current()
    // The first look went to where they had been.
    await expect.poll(() => moved.requests).toEqual(['/keys'])
    await moved.stop()
  })

  it.each<readonly [string, unknown, unknown]>([
    ['of another issuer', { issuer: 'https://elsewhere.example', jwks_uri: 'KEYS' }, undefined],
    ['without keys', { issuer: 'ISSUER' }, undefined],
    ['with keys inside by plain http', { issuer: 'ISSUER', jwks_uri: 'http://10.0.0.1/keys' }, undefined],
    ['with keys in a file', { issuer: 'ISSUER', jwks_uri: 'file:///etc/passwd' }, undefined],
    ['of which the keys are no list', undefined, { keys: 'x' }],
    ['of which the only key is a secret', undefined, { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'first' }] }],
    ['that shows its private key', undefined, { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'AA', d: 'AA' }] }],
    [
      'with more keys than anybody has',
      undefined,
      { keys: Array.from({ length: 101 }, () => ({ kty: 'EC' })) },
    ],
  ])('S28 are not taken from a provider %s', async (_name, metadata, published) => {
    const right = { issuer: 'ISSUER', jwks_uri: 'KEYS' }
    provider.answer((path, response) => {
      const content = path === '/keys' ? published : (metadata ?? right)
      response.writeHead(content === undefined ? 404 : 200, { 'content-type': 'application/json' })
      const text = JSON.stringify(content ?? {})
      response.end(text.replaceAll('ISSUER', provider.issuer).replaceAll('KEYS', `${provider.issuer}/keys`))
    })
    expect(await outcome()).toMatch(/^token_keys_unavailable/u)
  })

  it('S28 are not fetched from an internal address when the provider is not inside itself', async () => {
    const guarded = new HttpPool({ closeTimeoutMs: 100, egress: createEgressGuard() })
    const network = createLoginNetwork({
      pool: guarded,
      publicPool: guarded,
      // A name of this machine, in a network where only public addresses may be reached.
      lookup: (_host, options, done) =>
        options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
    })
    const { port } = new URL(provider.issuer)
    const issuer = `https://login.example.com:${port}`
    const elsewhere = new IssuerKeys({
      issuer,
      fetch: createOAuthFetch(network, issuer),
      refreshMs: MINUTE_MS,
      maxStaleMs: MINUTE_MS,
    })
    await expect(elsewhere.current()).rejects.toMatchObject({ code: 'token_keys_unavailable' })
    expect(provider.requests).toEqual([])
    await guarded.close()
  })
})
