import { describe, expect, it } from 'vitest'

import { CredentialVault, KeyRing, UnsealError } from '../src/index.ts'

const OWNER = { tenantId: 'default', secretId: '0190a0b0-0000-7000-8000-000000000001' }
const CREDENTIALS = { headers: { Authorization: 'Bearer canary' }, environment: { TOKEN: 'canary-2' } }

describe('a credential vault', () => {
  const vault = new CredentialVault(new KeyRing(['one']))

  it('gives back what was sealed, and names the key that sealed it', () => {
    const { ciphertext, keyId } = vault.seal(OWNER, CREDENTIALS)
    expect(vault.open(OWNER, ciphertext)).toEqual(CREDENTIALS)
    expect(keyId).toMatch(/^[0-9a-f]{8}$/u)
  })

  it('shows nothing of it in the ciphertext', () => {
    const { ciphertext } = vault.seal(OWNER, CREDENTIALS)
    const text = Buffer.from(ciphertext).toString('latin1')
    expect(text).not.toContain('canary')
    expect(text).not.toContain('Authorization')
  })

  it('does not open a ciphertext that was moved to another tenant or another secret', () => {
    const { ciphertext } = vault.seal(OWNER, CREDENTIALS)
    expect(() => vault.open({ ...OWNER, tenantId: 'other' }, ciphertext)).toThrow(UnsealError)
    expect(() => vault.open({ ...OWNER, secretId: 'other' }, ciphertext)).toThrow(UnsealError)
  })

  it('opens what an older key sealed after the key was replaced, and not once it is gone', () => {
    const { ciphertext } = vault.seal(OWNER, CREDENTIALS)
    expect(new CredentialVault(new KeyRing(['two', 'one'])).open(OWNER, ciphertext)).toEqual(CREDENTIALS)
    expect(() => new CredentialVault(new KeyRing(['two'])).open(OWNER, ciphertext)).toThrow(UnsealError)
  })

  it('does not open what was sealed for another purpose with the same key', () => {
    const foreign = new KeyRing(['one']).sealer('session-token')
    const sealed = foreign.seal(
      Buffer.from(JSON.stringify(CREDENTIALS)),
      `${OWNER.tenantId}/${OWNER.secretId}`,
    )
    expect(() => vault.open(OWNER, sealed)).toThrow(UnsealError)
  })
})
