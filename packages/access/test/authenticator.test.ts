import { LOCAL_PRINCIPAL, UnauthenticatedError } from '@mreg/core'
import { describe, expect, it } from 'vitest'

import { Authenticator, type Door } from '../src/index.ts'

const KEY = 'mreg_admin_abc-DEF_123'
const refusalOf = (authenticator: Authenticator, door: Door, authorization?: string): string => {
  try {
    void authenticator.authenticate(door, authorization)
  } catch (error) {
    if (UnauthenticatedError.is(error)) return `${error.code}: ${error.message}`
    throw error
  }
  throw new Error('expected to be refused, but was let in')
}

const WRONG = [
  'Bearer',
  'Bearer ',
  'Bearer wrong',
  `Bearer ${KEY}x`,
  `Bearer ${KEY.slice(0, -1)}`,
  `Bearer ${KEY.toLowerCase()}`,
  `Bearer ${KEY} ${KEY}`,
  `Bearer ${KEY}, Bearer ${KEY}`,
  `Basic ${KEY}`,
  KEY,
  '',
]

describe('the authenticator', () => {
  const open = new Authenticator({ adminKey: KEY, mode: 'none' })
  const closed = new Authenticator({ adminKey: KEY, mode: 'required' })

  it.each(['api', 'mcp'] as const)('knows the administrator by the key on %s, in both modes', (door) => {
    const administrator = { id: 'admin', tenantId: 'default', role: 'admin', kind: 'key' }
    for (const authenticator of [open, closed]) {
      expect(authenticator.authenticate(door, `Bearer ${KEY}`)).toEqual(administrator)
      expect(authenticator.authenticate(door, `bearer   ${KEY}  `)).toEqual(administrator)
    }
  })

  it('refuses /api without a key, in both modes', () => {
    for (const authenticator of [open, closed])
      expect(refusalOf(authenticator, 'api')).toMatch(/^key_missing/u)
  })

  it.each(WRONG)('S6 refuses /api with %j, in both modes, and does not repeat it', (authorization) => {
    for (const authenticator of [open, closed]) {
      const refusal = refusalOf(authenticator, 'api', authorization)
      expect(refusal).toMatch(/^key_invalid/u)
      expect(refusal).not.toContain(KEY)
    }
  })

  it('lets everyone into /mcp as the local user when it is open, whatever key they carry', () => {
    expect(open.authenticate('mcp', undefined)).toBe(LOCAL_PRINCIPAL)
    for (const authorization of WRONG) expect(open.authenticate('mcp', authorization)).toBe(LOCAL_PRINCIPAL)
  })

  it('refuses /mcp without a key or with a wrong one when keys are required', () => {
    expect(refusalOf(closed, 'mcp')).toMatch(/^key_missing/u)
    for (const authorization of WRONG)
      expect(refusalOf(closed, 'mcp', authorization)).toMatch(/^key_invalid/u)
  })
})
