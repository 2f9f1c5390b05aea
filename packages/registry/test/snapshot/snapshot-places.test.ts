import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createMemoryCache } from '@mreg/cache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { SnapshotCache, SnapshotDirectory, type SnapshotPlace } from '../../src/index.ts'

let parent: string

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'mreg-test-'))
})
afterAll(() => rm(parent, { recursive: true, force: true }))

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString()

describe.each([
  [
    'a directory',
    (): SnapshotPlace => new SnapshotDirectory(join(parent, 'new', randomBytes(4).toString('hex'))),
  ],
  ['a shared cache', (): SnapshotPlace => new SnapshotCache(createMemoryCache())],
])('%s', (_, open) => {
  test('gives back what was written last under each name, until it is removed', async () => {
    const place = open()
    expect(await place.read('routes')).toBeUndefined()
    await place.write('routes', Buffer.from('one'), '1')
    await place.write('catalog/a b/ü', Buffer.from('other'), '1')
    await place.write('routes', Buffer.from('two'), '2')
    expect(text(await place.read('routes'))).toBe('two')
    expect(text(await place.read('catalog/a b/ü'))).toBe('other')
    await place.remove('routes')
    await place.remove('routes')
    expect(await place.read('routes')).toBeUndefined()
    expect(text(await place.read('catalog/a b/ü'))).toBe('other')
  })

  test('takes what is larger than one value of a cache', async () => {
    const place = open()
    const bytes = randomBytes(3_000_000)
    await place.write('routes', bytes, '1')
    expect(Buffer.compare((await place.read('routes')) ?? Buffer.of(), bytes)).toBe(0)
  })
})

describe('a directory', () => {
  test('holds files for its owner only, and no drafts of whoever was killed', async () => {
    const path = join(parent, 'private')
    await new SnapshotDirectory(path).write('routes', Buffer.from('one'))
    await writeFile(join(path, 'x.snapshot.1234'), 'half of o')
    await new SnapshotDirectory(path).write('routes', Buffer.from('two'))
    const files = await readdir(path)
    expect(files).toHaveLength(1)
    expect((await stat(path)).mode & 0o777).toBe(0o700)
    expect((await stat(join(path, files[0] ?? ''))).mode & 0o777).toBe(0o600)
  })

  test('is complete once when that was said', async () => {
    const directory = new SnapshotDirectory(join(parent, 'complete'))
    expect(await directory.takeComplete()).toBe(false)
    await directory.markComplete()
    expect(await directory.takeComplete()).toBe(true)
    expect(await directory.takeComplete()).toBe(false)
  })

  test('that cannot be written says so, and keeps what it has', async () => {
    const file = join(parent, 'file')
    await writeFile(file, 'precious')
    await expect(new SnapshotDirectory(file).write('routes', Buffer.of(1))).rejects.toThrow('EEXIST')
    await expect(new SnapshotDirectory(join(file, 'below')).write('routes', Buffer.of(1))).rejects.toThrow(
      'ENOTDIR',
    )
  })
})

describe('a shared cache', () => {
  test('is not written again with the same, nor read while parts are missing', async () => {
    const cache = createMemoryCache()
    const place = new SnapshotCache(cache)
    await place.write('routes', Buffer.from('one'), 'same')
    const { writes } = cache.stats()
    await place.write('routes', Buffer.from('one, sealed anew'), 'same')
    expect(cache.stats().writes).toBe(writes)
    const [key] = (await partKeysOf(cache, place)) ?? []
    await cache.delete(key ?? '')
    expect(await place.read('routes')).toBeUndefined()
  })

  test('says when it is away, and leaves aside what is not an index', async () => {
    const cache = createMemoryCache()
    await cache.set('snapshot:routes', Buffer.from('{"parts":100000}'), { ttlMs: 1000 })
    expect(await new SnapshotCache(cache).read('routes')).toBeUndefined()
    const away = { get: async () => undefined, set: async () => false, delete: async () => false }
    await expect(new SnapshotCache(away).write('routes', Buffer.of(1), '1')).rejects.toThrow('away')
  })
})

/** The keys that reading asks for beside the index. */
const partKeysOf = async (cache: ReturnType<typeof createMemoryCache>, _place: SnapshotPlace) => {
  const asked: string[] = []
  const get = (key: string) => {
    asked.push(key)
    return cache.get(key)
  }
  await new SnapshotCache({ get, set: cache.set.bind(cache), delete: cache.delete.bind(cache) }).read(
    'routes',
  )
  return asked.slice(1)
}
