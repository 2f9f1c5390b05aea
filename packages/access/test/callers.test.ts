import { expect, test } from 'vitest'

import { ApiKeyHasher, Authenticator, Callers, KeyRing, KnownApiKeys } from '../src/index.ts'

const NOW = Date.parse('2026-11-23T12:00:00Z')

const keyCalled = (id: string, name: string, more: object = {}) => ({
  id,
  tenantId: 'default',
  lookupId: id,
  hash: new Uint8Array(32),
  name,
  principalId: `key:${id}`,
  role: 'user' as const,
  scopes: {},
  expiresAt: undefined,
  revokedAt: undefined,
  lastUsedAt: undefined,
  revision: 1,
  createdAt: new Date(NOW),
  updatedAt: new Date(NOW),
  ...more,
})

const open = (mode: 'none' | 'required', areKeysCurrent = true): Callers => {
  const apiKeys = new KnownApiKeys(new ApiKeyHasher(new KeyRing(['one'])), () => NOW)
  apiKeys.replace([
    keyCalled('1', 'ci'),
    keyCalled('2', 'twin'),
    keyCalled('3', 'twin'),
    keyCalled('4', 'old', { expiresAt: new Date(NOW) }),
    keyCalled('5', 'renewed', { revokedAt: new Date(NOW) }),
    keyCalled('6', 'renewed'),
    keyCalled('7', 'theirs', { tenantId: 'other' }),
    keyCalled('8', 'admin'),
  ])
  const options = { adminKey: 'mreg_key', mode, apiKeys, areKeysCurrent: () => areKeysCurrent }
  return new Callers(new Authenticator(options), apiKeys)
}

test('a caller is found by the id, the name or the principal of its key, in its tenant alone', () => {
  const callers = open('required')
  for (const text of ['1', 'ci', 'key:1'])
    expect(callers.find('default', text)).toMatchObject({
      principal: { keyId: '1' },
      title: 'the key "ci"',
      refusal: undefined,
    })
  expect(callers.find('default', 'renewed').principal.keyId).toBe('6')
  for (const text of ['7', 'theirs', 'nobody'])
    expect(() => callers.find('default', text)).toThrow(/no API key is called/u)
  expect(() => callers.find('default', 'twin')).toThrow(/2 API keys are called "twin".* 2, 3/u)
  // Its name says somebody else, its id does not.
  expect(callers.find('default', 'admin').principal.keyId).toBeUndefined()
  expect(callers.find('default', '8').principal.keyId).toBe('8')
  expect(callers.find('other', 'admin').principal).toMatchObject({ id: 'admin', tenantId: 'other' })
})

const codeOf = (callers: Callers, text: string): string | undefined =>
  callers.find('default', text).refusal?.code

test('why somebody is not let in is what a request would be told', () => {
  expect(codeOf(open('none'), 'local')).toBeUndefined()
  expect(codeOf(open('required'), 'local')).toBe('key_missing')
  expect(codeOf(open('required'), 'old')).toBe('key_expired')
  expect(codeOf(open('required'), '5')).toBe('key_revoked')
  expect(codeOf(open('required', false), 'ci')).toBe('keys_not_current')
  expect(codeOf(open('required', false), 'admin')).toBeUndefined()
  expect(() => open('none').find('other', 'local')).toThrow(/no API key/u)
})
