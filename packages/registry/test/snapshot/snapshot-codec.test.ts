import { KeyRing } from '@mreg/access'
import { describe, expect, test } from 'vitest'

import { SnapshotCodec } from '../../src/index.ts'

const DATABASE = 'postgres://db.example:5432/mreg'
const codecWith = (key: string, database = DATABASE): SnapshotCodec =>
  new SnapshotCodec({ sealer: new KeyRing([key]).sealer('snapshot'), database })

const codec = codecWith('a key')
const value = {
  at: new Date(1),
  bytes: new Uint8Array([1, 2, 3]),
  map: new Map([['a', undefined]]),
  text: 'a secret word',
}

/** The bytes with the one at `index` changed. */
const damaged = (bytes: Uint8Array, index: number): Uint8Array => {
  const copy = new Uint8Array(bytes)
  copy[index] = (copy[index] ?? 0) ^ 1
  return copy
}

describe('a snapshot', () => {
  test('is what it was, and shows nothing of it', async () => {
    const bytes = await codec.encode('routes', value)
    expect(await codec.decode('routes', bytes)).toEqual(value)
    expect(Buffer.from(bytes).toString('latin1')).not.toMatch(/secret|example/u)
  })

  test('opens under its own name only', async () => {
    const bytes = await codec.encode('catalog/one', value)
    await expect(codec.decode('catalog/two', bytes)).rejects.toThrow('sealed for something else')
  })

  test('is refused with what is wrong, whatever that is', async () => {
    const bytes = await codec.encode('routes', value)
    const text = Buffer.from(bytes).toString('latin1')
    const otherFormat = Buffer.from(text.replace('mreg-snapshot 1', 'mreg-snapshot 2'), 'latin1')
    for (const [given, reason] of [
      [new Uint8Array(0), 'not a snapshot'],
      [Buffer.from('{"servers":[]}\n'), 'not a snapshot'],
      [new Uint8Array(5000), 'not a snapshot'],
      [otherFormat, 'the format 2'],
      [bytes.subarray(0, 20), 'not a snapshot'],
      [bytes.subarray(0, 40), 'not a sealed value'],
      [bytes.subarray(0, -1), 'changed'],
      [damaged(bytes, bytes.length - 1), 'changed'],
      [damaged(bytes, 60), 'changed'],
    ] as const)
      await expect(codec.decode('routes', given)).rejects.toThrow(reason)
  })

  test('of another database or sealed with a key that is gone is refused; one of an older key is not', async () => {
    const bytes = await codec.encode('routes', value)
    await expect(codecWith('a key', 'postgres://elsewhere/mreg').decode('routes', bytes)).rejects.toThrow(
      'another database',
    )
    await expect(codecWith('other').decode('routes', bytes)).rejects.toThrow('MREG_SECRET_KEY')
    const sealer = new KeyRing(['a newer key', 'a key']).sealer('snapshot')
    expect(await new SnapshotCodec({ sealer, database: DATABASE }).decode('routes', bytes)).toEqual(value)
  })

  test('that is too large is not made, and one that would become too large is not taken', async () => {
    const sealer = new KeyRing(['a key']).sealer('snapshot')
    const small = new SnapshotCodec({ sealer, database: DATABASE, maxBytes: 1000 })
    const large = 'x'.repeat(2000)
    await expect(small.encode('routes', large)).rejects.toThrow('1000 are the most')
    await expect(small.decode('routes', await codec.encode('routes', large))).rejects.toThrow(
      /larger than 1000|output/u,
    )
  })
})
