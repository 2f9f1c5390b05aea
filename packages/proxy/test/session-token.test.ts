import { KeyRing } from '@mreg/access'
import { LOCAL_PRINCIPAL } from '@mreg/core'
import { describe, expect, test } from 'vitest'

import { SessionTokens } from '../src/index.ts'
import { SessionTokenTooLargeError } from '../src/session-token.ts'

const CLAIMS = {
  principalId: 'local',
  tenantId: 'default',
  serverId: 'server',
  endpointId: 'endpoint',
  protocolVersion: '2025-11-25',
  clientCapabilities: { roots: {} },
  clientInfo: { name: 'grüße', version: '1' },
  upstreamSessionId: undefined,
}

const tokensAt = (now: () => number, key = 'key'): SessionTokens =>
  new SessionTokens({ sealer: new KeyRing([key]).sealer('session-token'), lifetimeMs: 1000, now })

describe('a session token', () => {
  test('says what was put into it', () => {
    const tokens = tokensAt(() => 5000)
    const { token, claims } = tokens.issue({ ...CLAIMS, upstreamSessionId: 'upstream' })
    expect(claims).toEqual({
      ...CLAIMS,
      upstreamSessionId: 'upstream',
      sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/u),
      expiresAt: 6000,
    })
    expect(tokens.verify(token, LOCAL_PRINCIPAL, 'server')).toEqual(claims)
  })

  test('S20 is another one each time', () => {
    const tokens = tokensAt(() => 0)
    const [one, two] = [tokens.issue(CLAIMS), tokens.issue(CLAIMS)]
    expect(one.token).not.toBe(two.token)
    expect(one.claims.sessionId).not.toBe(two.claims.sessionId)
  })

  test('is not shorter than what it takes to guess, and not longer than a header can be', () => {
    const tokens = tokensAt(() => 0)
    const fits = (length: number): boolean => {
      try {
        const { token } = tokens.issue({ ...CLAIMS, clientInfo: { name: 'x'.repeat(length) } })
        expect(token.length).toBeLessThanOrEqual(8192)
        expect(tokens.verify(token, LOCAL_PRINCIPAL, 'server')).toBeDefined()
        return true
      } catch (error) {
        if (SessionTokenTooLargeError.is(error)) return false
        throw error
      }
    }
    let longest = 0
    for (let step = 8192; step >= 1; step /= 2) if (fits(longest + step)) longest += step
    expect(longest).toBeGreaterThan(5000)
    expect(fits(longest)).toBe(true)
    expect(fits(longest + 1)).toBe(false)
  })

  test('is one of this purpose: what else was sealed with the same keys is none', () => {
    const ring = new KeyRing(['key'])
    const claims = { ...CLAIMS, sessionId: 's', expiresAt: Number.MAX_SAFE_INTEGER }
    const plaintext = Buffer.from(JSON.stringify(claims))
    const tokens = tokensAt(() => 0)
    for (const [purpose, associatedData] of [
      ['endpoint-credentials', 'mcp-session'],
      ['session-token', 'something else'],
    ] as const) {
      const sealed = ring.sealer(purpose).seal(plaintext, associatedData)
      expect(tokens.verify(sealed.toString('base64url'), LOCAL_PRINCIPAL, 'server')).toBeUndefined()
    }
  })

  test('expires at the end of its life, by the wall clock', () => {
    let now = 1000
    const tokens = tokensAt(() => now)
    const { token } = tokens.issue(CLAIMS)
    now = 1999
    expect(tokens.verify(token, LOCAL_PRINCIPAL, 'server')).toBeDefined()
    now = 2000
    expect(tokens.verify(token, LOCAL_PRINCIPAL, 'server')).toBeUndefined()
  })
})
