import { randomBytes } from 'node:crypto'

import { ConfigurationError } from '@mreg/core'
import { describe, expect, it } from 'vitest'

import { KeyRing, UnsealError } from '../src/index.ts'

const SECRET = Buffer.from('a secret')
const newKey = (): string => randomBytes(32).toString('base64url')

const failureOf = (work: () => unknown): UnsealError => {
  try {
    work()
  } catch (error) {
    if (UnsealError.is(error)) return error
    throw error
  }
  throw new Error('expected an UnsealError, but it opened')
}

describe('a key ring', () => {
  it('opens what it sealed, an empty value too', () => {
    const sealer = new KeyRing([newKey()]).sealer('purpose')
    expect(sealer.open(sealer.seal(SECRET, 'owner'), 'owner')).toEqual(SECRET)
    expect(sealer.open(sealer.seal(Buffer.alloc(0), ''), '')).toEqual(Buffer.alloc(0))
  })

  it('opens bytes that are a view into a larger buffer', () => {
    const sealer = new KeyRing([newKey()]).sealer('purpose')
    const sealed = sealer.seal(SECRET, 'owner')
    const larger = new Uint8Array(sealed.length + 10)
    larger.set(sealed, 5)
    expect(sealer.open(larger.subarray(5, 5 + sealed.length), 'owner')).toEqual(SECRET)
  })

  it('seals the same value differently each time, and never shows it', () => {
    const sealer = new KeyRing([newKey()]).sealer('purpose')
    const first = sealer.seal(SECRET, 'owner')
    expect(first.equals(sealer.seal(SECRET, 'owner'))).toBe(false)
    expect(first.includes(SECRET)).toBe(false)
  })

  it('opens what another process with the same key sealed', () => {
    const key = newKey()
    const sealed = new KeyRing([key]).sealer('purpose').seal(SECRET, 'owner')
    expect(new KeyRing([key]).sealer('purpose').open(sealed, 'owner')).toEqual(SECRET)
  })

  it('seals with the newest key and opens with every older one', () => {
    const [oldest, older, newest] = [newKey(), newKey(), newKey()]
    const before = new KeyRing([older, oldest]).sealer('purpose')
    const rotated = new KeyRing([newest, older, oldest]).sealer('purpose')
    const fromOldest = new KeyRing([oldest]).sealer('purpose').seal(SECRET, 'owner')

    expect(rotated.open(before.seal(SECRET, 'owner'), 'owner')).toEqual(SECRET)
    expect(rotated.open(fromOldest, 'owner')).toEqual(SECRET)

    const fresh = rotated.seal(SECRET, 'owner')
    expect(new KeyRing([newest]).sealer('purpose').open(fresh, 'owner')).toEqual(SECRET)
    expect(failureOf(() => before.open(fresh, 'owner')).message).toContain(rotated.keyId)
    expect(rotated.keyId).not.toBe(before.keyId)
  })

  it('does not open what was sealed for another purpose', () => {
    const keys = new KeyRing([newKey()])
    const sealed = keys.sealer('one').seal(SECRET, 'owner')
    expect(failureOf(() => keys.sealer('two').open(sealed, 'owner')).code).toBe('ERR_UNSEAL')
  })

  it('does not open what belongs to something else', () => {
    const sealer = new KeyRing([newKey()]).sealer('purpose')
    expect(failureOf(() => sealer.open(sealer.seal(SECRET, 'owner'), 'other')).code).toBe('ERR_UNSEAL')
  })

  it('does not open a value of which any single bit was changed', () => {
    const sealer = new KeyRing([newKey()]).sealer('purpose')
    const sealed = sealer.seal(SECRET, 'owner')
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed)
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      expect(failureOf(() => sealer.open(changed, 'owner')).message).not.toContain('secret')
    }
  })

  it('does not open a value that was cut or made longer', () => {
    const sealer = new KeyRing([newKey()]).sealer('purpose')
    const sealed = sealer.seal(SECRET, 'owner')
    for (let length = 0; length < sealed.length; length += 1) {
      expect(failureOf(() => sealer.open(sealed.subarray(0, length), 'owner')).code).toBe('ERR_UNSEAL')
    }
    const longer = Buffer.concat([sealed, Buffer.of(0)])
    expect(failureOf(() => sealer.open(longer, 'owner')).code).toBe('ERR_UNSEAL')
  })

  it('derives a key of 32 bytes for each purpose, the same in every process', () => {
    const key = newKey()
    const derived = new KeyRing([key]).derive('one')
    expect(derived).toHaveLength(32)
    expect(new KeyRing([key, newKey()]).derive('one')).toEqual(derived)
    expect(new KeyRing([key]).derive('two')).not.toEqual(derived)
  })

  it.each([[[]], [['']], [['good', '']]])('refuses the key list %j', (keys) => {
    expect(() => new KeyRing(keys)).toThrow(ConfigurationError)
  })
})
