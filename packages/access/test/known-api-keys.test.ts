import type { StoredApiKey } from '@mreg/repositories'
import { describe, expect, it } from 'vitest'

import { formatApiKey, newApiKeyParts, parseApiKey } from '../src/api-keys/api-key-text.ts'
import { ApiKeyHasher, KeyRing, KnownApiKeys } from '../src/index.ts'

const NOW = Date.parse('2026-11-23T12:00:00Z')
const hasher = new ApiKeyHasher(new KeyRing(['newest', 'older']))

const make = (
  more: Partial<StoredApiKey> = {},
  by = hasher,
): { readonly text: string; readonly key: StoredApiKey } => {
  const parts = newApiKeyParts()
  const at = new Date(NOW)
  return {
    text: formatApiKey(parts),
    key: {
      id: parts.lookupId,
      tenantId: 'default',
      lookupId: parts.lookupId,
      hash: by.hash(parts),
      name: 'test',
      principalId: 'somebody',
      role: 'user',
      scopes: {},
      expiresAt: undefined,
      revokedAt: undefined,
      lastUsedAt: undefined,
      revision: 1,
      createdAt: at,
      updatedAt: at,
      ...more,
    },
  }
}

describe('the keys in memory', () => {
  it('know a key by all of it, and say on whose behalf it acts', () => {
    const [one, other] = [make(), make()]
    const known = new KnownApiKeys(hasher)
    known.replace([one.key, other.key])
    const finding = known.check(one.text)
    expect(finding).toMatchObject({
      kind: 'good',
      key: { principal: { id: 'somebody', role: 'user', kind: 'key', keyId: one.key.id } },
    })
    const [a, b] = [parseApiKey(one.text), parseApiKey(other.text)]
    if (a === undefined || b === undefined) throw new Error('not a key')
    expect(known.check(formatApiKey({ lookupId: a.lookupId, secret: b.secret }))).toEqual({ kind: 'unknown' })
    expect(known.check(formatApiKey(newApiKeyParts()))).toEqual({ kind: 'unknown' })
    for (const text of ['', 'mreg_', one.text.slice(1), `${one.text}x`, one.text.toUpperCase()])
      expect(known.check(text)).toBeUndefined()
  })

  it('honour what an older key of the ring has hashed, and nothing that another installation has', () => {
    const older = make({}, new ApiKeyHasher(new KeyRing(['older'])))
    const foreign = make({}, new ApiKeyHasher(new KeyRing(['another'])))
    const known = new KnownApiKeys(hasher)
    known.replace([older.key, foreign.key])
    expect(known.check(older.text)).toMatchObject({ kind: 'good' })
    expect(known.check(foreign.text)).toEqual({ kind: 'unknown' })
  })

  it('refuse a key from the moment of its end, and forget one that is gone', () => {
    let now = NOW
    const brief = make({ expiresAt: new Date(NOW + 1000) })
    const known = new KnownApiKeys(hasher, () => now)
    known.replace([brief.key])
    now = NOW + 999
    expect(known.check(brief.text)).toMatchObject({ kind: 'good' })
    now = NOW + 1000
    expect(known.check(brief.text)).toEqual({ kind: 'expired' })
    known.update([brief.key.id], [{ ...brief.key, expiresAt: undefined, revokedAt: new Date(NOW) }])
    expect(known.check(brief.text)).toEqual({ kind: 'revoked' })
    known.update([brief.key.id], [])
    expect(known.check(brief.text)).toEqual({ kind: 'unknown' })
    expect(known.byId(brief.key.id)).toBeUndefined()
  })

  it('remember when a key was used, until they are asked', () => {
    const { key, text } = make()
    const known = new KnownApiKeys(hasher, () => NOW)
    known.replace([key])
    known.check(`${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`)
    expect(known.takeUses().size).toBe(0)
    known.check(text)
    expect([...known.takeUses()]).toEqual([[key.id, new Date(NOW)]])
    expect(known.takeUses().size).toBe(0)
  })

  it('S17 are looked at whole, whether there is such a key or not', () => {
    let compared = 0
    class CountingHasher extends ApiKeyHasher {
      override matches(...given: Parameters<ApiKeyHasher['matches']>): boolean {
        compared += 1
        return super.matches(...given)
      }
    }
    const { key, text } = make()
    const known = new KnownApiKeys(new CountingHasher(new KeyRing(['newest', 'older'])))
    known.replace([key])
    const wrong = formatApiKey({ lookupId: key.lookupId, secret: newApiKeyParts().secret })
    for (const one of [text, wrong, formatApiKey(newApiKeyParts())]) known.check(one)
    // As much work for one that nobody has.
    expect(compared).toBe(3)
  })
})
