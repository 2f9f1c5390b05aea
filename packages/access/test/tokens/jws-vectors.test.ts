import {
  compactToken,
  createSigningKey,
  hmacSignature,
  type SigningKey,
  startIdentityProvider,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { AUDIENCE, type OpenVerifier, openVerifier } from '../support/open-verifier.ts'

const seconds = (): number => Math.floor(Date.now() / 1000)
const stranger = createSigningKey('first')
const base64 = (text: string): string => Buffer.from(text).toString('base64url')

const parts = (token: string): string[] => token.split('.')

type Vector = readonly [name: string, make: () => string, expected: string]

describe('the tokens of an identity provider', () => {
  let open: OpenVerifier
  const good = (claims: object = {}, header: object = {}): string =>
    open.provider.token({ aud: AUDIENCE, ...claims }, { ...header })
  const claims = (): object => ({ iss: open.provider.issuer, sub: 'ann', aud: AUDIENCE, exp: seconds() + 60 })
  const signedBy =
    (key: SigningKey) =>
    (header: object | string, content: object | string = claims()): string =>
      compactToken(header, content, key.sign)
  const mine = (header: object | string, content?: object | string): string =>
    signedBy(open.provider.key)(header, content)
  const publicPem = (): string =>
    open.provider.key.publicKey.export({ type: 'spki', format: 'pem' }).toString()

  beforeAll(async () => {
    open = await openVerifier()
  })
  afterAll(() => open[Symbol.asyncDispose]())

  const INVALID = 'token_invalid'
  const vectors: readonly Vector[] = [
    ['as it should be', () => good(), 'good'],
    ['of the type JWT', () => good({}, { typ: 'JWT' }), 'good'],
    ['without a type', () => mine({ alg: 'ES256', kid: 'first' }), 'good'],
    ['for several audiences, ours among them', () => good({ aud: ['https://other', AUDIENCE] }), 'good'],
    ['that expired within the tolerance', () => good({ exp: seconds() - 5 }), 'good'],
    ['that begins within the tolerance', () => good({ nbf: seconds() + 5 }), 'good'],
    ['S10 with alg none', () => compactToken({ alg: 'none' }, claims(), () => Buffer.alloc(0)), INVALID],
    ['S10 with alg none and a signature', () => mine({ alg: 'none', kid: 'first' }), INVALID],
    ['S10 with alg NONE', () => mine({ alg: 'NoNe', kid: 'first' }), INVALID],
    [
      'S10 with HS256 and the public key as the secret',
      () => compactToken({ alg: 'HS256', kid: 'first' }, claims(), hmacSignature(publicPem())),
      INVALID,
    ],
    [
      'S10 with HS256 and the published JWK as the secret',
      () =>
        compactToken(
          { alg: 'HS256', kid: 'first' },
          claims(),
          hmacSignature(JSON.stringify(open.provider.key.jwk)),
        ),
      INVALID,
    ],
    [
      'S10 with HS256 and no secret',
      () => compactToken({ alg: 'HS256' }, claims(), hmacSignature('')),
      INVALID,
    ],
    ['S10 with an algorithm that is not set', () => mine({ alg: 'ES512', kid: 'first' }), INVALID],
    ['S10 with an algorithm of another kind of key', () => mine({ alg: 'RS256', kid: 'first' }), INVALID],
    ['S10 with an algorithm that is no text', () => mine({ alg: ['ES256'], kid: 'first' }), INVALID],
    ['S10 without an algorithm', () => mine({ kid: 'first' }), INVALID],
    ['S11 with a key that is not published', () => mine({ alg: 'ES256', kid: 'second' }), INVALID],
    ['S11 with a path as the key', () => mine({ alg: 'ES256', kid: '../../../../dev/null' }), INVALID],
    ['S11 with SQL as the key', () => mine({ alg: 'ES256', kid: "' union select 'x' --" }), INVALID],
    ['S11 with a URL as the key', () => mine({ alg: 'ES256', kid: 'http://127.0.0.1:1/key' }), INVALID],
    ['S11 with a key that is no text', () => mine({ alg: 'ES256', kid: { first: 1 } }), INVALID],
    [
      'S11 with its own key',
      () => signedBy(stranger)({ alg: 'ES256', kid: 'first', jwk: stranger.jwk }),
      INVALID,
    ],
    ['S11 that names where its keys are', () => good({}, { jku: 'http://127.0.0.1:1/keys' }), INVALID],
    ['S11 that names where its certificate is', () => good({}, { x5u: 'http://127.0.0.1:1/x' }), INVALID],
    ['S11 with its own certificate', () => good({}, { x5c: ['MIIB'] }), INVALID],
    ['S12 for another audience', () => good({ aud: 'https://mcp.example.com/mcp/mail' }), INVALID],
    ['S12 for what is above us', () => good({ aud: 'https://mcp.example.com/mcp' }), INVALID],
    ['S12 for what is below us', () => good({ aud: `${AUDIENCE}/x` }), INVALID],
    ['S12 for us with a slash at the end', () => good({ aud: `${AUDIENCE}/` }), INVALID],
    ['S12 for nobody', () => good({ aud: undefined }), INVALID],
    ['S12 for an empty list', () => good({ aud: [] }), INVALID],
    ['S12 for something that is no text', () => good({ aud: { 0: AUDIENCE } }), INVALID],
    ['S12 of another issuer', () => good({ iss: 'https://elsewhere.example' }), INVALID],
    ['S12 of the issuer with a slash at the end', () => good({ iss: `${open.provider.issuer}/` }), INVALID],
    ['S12 of several issuers', () => good({ iss: [open.provider.issuer] }), INVALID],
    ['S12 of nobody', () => good({ iss: undefined }), INVALID],
    ['S12 that has expired', () => good({ exp: seconds() - 120 }), 'token_expired'],
    ['S12 that never expires', () => good({ exp: undefined }), INVALID],
    ['S12 that expires at a text', () => good({ exp: String(seconds() + 60) }), INVALID],
    ['S12 that is not yet good', () => good({ nbf: seconds() + 120 }), INVALID],
    ['S12 that is not yet good, in words', () => good({ nbf: 'tomorrow' }), INVALID],
    [
      'S12 with something critical',
      () => good({}, { crit: ['http://x.example/y'], 'http://x.example/y': 1 }),
      INVALID,
    ],
    [
      'S12 with something critical that libraries know',
      () => good({}, { crit: ['b64'], b64: true }),
      INVALID,
    ],
    ['S12 with nothing critical', () => good({}, { crit: [] }), INVALID],
    ['of an id', () => good({}, { typ: 'id+jwt' }), INVALID],
    ['of a logout', () => good({}, { typ: 'logout+jwt' }), INVALID],
    ['that is bound to a key of its client', () => good({ cnf: { jkt: 'x' } }), INVALID],
    ['that says nobody', () => good({ sub: undefined }), INVALID],
    ['that says somebody with a line break', () => good({ sub: 'ann\nadmin' }), INVALID],
    [
      'of somebody else with our key’s name',
      () => signedBy(stranger)({ alg: 'ES256', kid: 'first' }),
      INVALID,
    ],
    [
      'with other claims than were signed',
      () => {
        const [header, , signature] = parts(good())
        return `${header}.${base64(JSON.stringify({ ...claims(), sub: 'eve' }))}.${signature}`
      },
      INVALID,
    ],
    ['without its signature', () => `${parts(good()).slice(0, 2).join('.')}.`, INVALID],
    [
      'with a signature of zeros',
      () => `${parts(good()).slice(0, 2).join('.')}.${Buffer.alloc(64).toString('base64url')}`,
      INVALID,
    ],
    ['whose header is no object', () => mine('"x"'), INVALID],
    ['whose header is no JSON', () => mine('{'), INVALID],
    ['whose claims are no object', () => mine({ alg: 'ES256', kid: 'first' }, '[]'), INVALID],
    ['whose claims are no JSON', () => mine({ alg: 'ES256', kid: 'first' }, 'x'), INVALID],
    ['that is encrypted', () => `${good()}.x.y`, 'unknown'],
    ['of two parts', () => parts(good()).slice(0, 2).join('.'), 'unknown'],
    ['that says nothing', () => 'opaque', 'unknown'],
    ['with a blank', () => good().replace('.', '. '), 'unknown'],
  ]

  it.each(vectors)('%s', async (_name, make, expected) => {
    const token = make()
    expect(await open.outcome(token)).toBe(expected)
    // Nothing of it is left anywhere.
    const [header = '', content = '', signature = ''] = parts(token)
    for (const part of [header, content, signature].filter(({ length }) => length > 20))
      expect(open.log.join('\n')).not.toContain(part)
  })

  it('never make the gateway ask anybody but the provider for keys', () => {
    expect(new Set(open.provider.requests)).toEqual(
      new Set(['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration', '/keys']),
    )
  })

  it.each(['RS256', 'PS256', 'ES256', 'EdDSA'] as const)('may be signed with %s', async (algorithm) => {
    await using other = await openVerifier()
    other.provider.publish(createSigningKey('key', algorithm))
    expect(await other.outcome(other.provider.token({ aud: AUDIENCE }))).toBe('good')
  })

  it.each([
    ['oidc', ''],
    ['oidc', '/realms/a'],
    ['oauth', ''],
    ['oauth', '/realms/a'],
  ] as const)('are known of a provider with %s metadata at "%s"', async (discovery, path) => {
    const provider = await startIdentityProvider({ discovery, path })
    await using other = await openVerifier({}, { provider })
    expect(await other.outcome(provider.token({ aud: AUDIENCE }))).toBe('good')
  })

  it('S15 are good for the address that they were made for, and for no other', async () => {
    const token = good()
    expect(await open.outcome(token)).toBe('good')
    expect(await open.outcome(token, 'https://mcp.example.com/mcp/mail')).toBe('token_invalid')
    expect(await open.outcome(good({ aud: '' }), '')).toBe('token_invalid')
  })

  it('may name the id of an application in place of an address', async () => {
    await using other = await openVerifier({ audiences: ['5f7c0e5a-1111-2222-3333-444455556666'] })
    const token = other.provider.token({ aud: '5f7c0e5a-1111-2222-3333-444455556666' })
    expect(await other.outcome(token)).toBe('good')
    expect(await other.outcome(token, 'https://mcp.example.com/mcp/mail')).toBe('good')
    expect(await other.outcome(other.provider.token({ aud: AUDIENCE }))).toBe('token_invalid')
  })

  it('are refused with what is wrong, and with nothing of what they hold', async () => {
    for (const [token, words] of [
      [good({ aud: 'https://secret.example' }), `not for ${AUDIENCE}`],
      [good({ exp: 1, sub: 'canary' }), 'has expired'],
      [good({ iss: 'https://canary.example' }), 'issued by somebody else'],
      [mine({ alg: 'HS256', kid: 'canary' }), 'oidc.algorithms'],
    ] as const) {
      const error: unknown = await open.verify(token).catch((refusal: unknown) => refusal)
      expect(String(error)).toContain(words)
      expect(`${String(error)}${JSON.stringify(error)}`).not.toMatch(/canary|secret/u)
      expect(error).not.toHaveProperty('cause', expect.anything())
    }
  })

  it('S13 are told apart by all of their text: a prefix that is known opens nothing', async () => {
    const token = good()
    expect(await open.outcome(token)).toBe('good')
    for (const length of [20, 40, 100, token.length - 1])
      expect(await open.outcome(token.slice(0, length))).not.toBe('good')
    const [header, content] = parts(token)
    expect(await open.outcome(`${header}.${content}.${Buffer.alloc(64, 1).toString('base64url')}`)).toBe(
      'token_invalid',
    )
  })

  it('are the same principal as long as nothing changes, and nobody once they have expired', async () => {
    const token = good()
    const first = await open.verify(token)
    expect(open.verifier.verify(token, AUDIENCE)).toBe(first)
    expect(first).toMatchObject({ id: 'token:ann', tenantId: 'default', role: 'user', kind: 'token' })
    open.pass(6000)
    expect(await open.verify(token)).toBe(first)
    open.pass(114_000)
    expect(await open.outcome(token)).toBe('token_expired')
    open.pass(-120_000)
  })

  it('S56 open nothing any more a few seconds after the provider has taken their key back', async () => {
    await using other = await openVerifier()
    const before = other.provider.token({ aud: AUDIENCE })
    expect(await other.outcome(before)).toBe('good')
    other.provider.publish(createSigningKey('second'))
    // It was looked at a moment ago, and keys are looked for once in ten seconds.
    const after = other.provider.token({ aud: AUDIENCE })
    expect(await other.outcome(after)).toBe('token_invalid')
    other.pass(11_000)
    expect(await other.outcome(after)).toBe('good')
    expect(await other.outcome(before)).toBe('token_invalid')
  })
})
