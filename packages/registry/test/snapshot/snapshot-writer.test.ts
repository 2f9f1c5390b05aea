import { KeyRing } from '@mreg/access'
import { type Logger, silentLogger } from '@mreg/core'
import { describe, expect, test } from 'vitest'

import { SnapshotCodec, type SnapshotPlace, SnapshotWriter } from '../../src/index.ts'

const codec = new SnapshotCodec({
  sealer: new KeyRing(['a key']).sealer('snapshot'),
  database: 'test',
  maxBytes: 10_000,
})

/** A place in memory that counts, and fails when it is told to. */
class Place implements SnapshotPlace {
  readonly name = 'memory'
  readonly kept = new Map<string, Uint8Array>()
  writes = 0
  isBroken = false

  read(name: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.kept.get(name))
  }

  write(name: string, bytes: Uint8Array): Promise<void> {
    this.writes += 1
    if (this.isBroken) return Promise.reject(new Error('no space left'))
    this.kept.set(name, bytes)
    return Promise.resolve()
  }

  remove(name: string): Promise<void> {
    this.kept.delete(name)
    return Promise.resolve()
  }
}

const open = (place: Place, pauseMs: number) => {
  const warnings: string[] = []
  const logger: Logger = { ...silentLogger, warn: (message) => void warnings.push(message) }
  return { warnings, writer: new SnapshotWriter({ codec, places: [place], pauseMs, logger }) }
}

const content = (value: unknown) => async () => ({ stamp: String(value), value })

describe('the writer of snapshots', () => {
  test('writes many changes as one, and each thing as it is by then', async () => {
    const place = new Place()
    const { writer } = open(place, 20)
    for (let count = 0; count < 100; count += 1) writer.put('routes', content(count))
    await expect.poll(() => writer.read('routes')).toEqual([99])
    expect(place.writes).toBe(1)
    expect(writer.isUpToDate).toBe(true)
    await writer[Symbol.asyncDispose]()
  })

  test('writes what is left at its end, and nothing after it', async () => {
    const place = new Place()
    const { writer } = open(place, 3_600_000)
    writer.put('routes', content('last'))
    writer.put('catalog/a', content('gone'))
    writer.drop('catalog/a')
    expect(writer.isUpToDate).toBe(false)
    await writer[Symbol.asyncDispose]()
    writer.put('routes', content('too late'))
    expect(await writer.read('routes')).toEqual(['last'])
    expect([...place.kept.keys()]).toEqual(['routes'])
  })

  test('F44 says once that a place cannot be written, and goes on when it can', async () => {
    const place = new Place()
    const { warnings, writer } = open(place, 1)
    place.isBroken = true
    writer.put('routes', content(1))
    await expect.poll(() => place.writes).toBe(1)
    writer.put('routes', content(2))
    await expect.poll(() => place.writes).toBe(2)
    expect(writer.isUpToDate).toBe(false)
    place.isBroken = false
    writer.put('routes', content(3))
    await expect.poll(() => writer.read('routes')).toEqual([3])
    expect(warnings).toHaveLength(1)
    await writer[Symbol.asyncDispose]()
    expect(writer.isUpToDate).toBe(true)
  })

  test('leaves aside what it cannot use, and says why once', async () => {
    const place = new Place()
    const { warnings, writer } = open(place, 1)
    place.kept.set('routes', Buffer.from('nonsense'))
    expect(await writer.read('routes')).toEqual([])
    expect(await writer.read('routes')).toEqual([])
    expect(warnings).toHaveLength(1)
    writer.put('routes', content('x'.repeat(20_000)))
    await expect.poll(() => warnings.length).toBe(2)
    await writer[Symbol.asyncDispose]()
  })
})
