import { type Cache, createMemoryCache } from '@mreg/cache'
import { createRedisCache } from '@mreg/cache/redis'
import { freePort, ManagedProcess, waitUntil } from '@mreg/testing'
import { createClient, RESP_TYPES } from 'redis'

import { sample, type Candidate, type Sample } from '../samples.ts'

const KEYS = 100
const options = { ttlMs: 3_600_000 }
const keys = Array.from({ length: KEYS }, (_, index) => `session:${index}`)
const key = (index: number): string => keys[index % KEYS] ?? ''

/** So many calls, `width` of them under way at once. */
const wide = (
  name: string,
  { calls, width }: { readonly calls: number; readonly width: number },
  call: (key: string) => Promise<unknown>,
): Candidate => ({
  name,
  calls,
  batch: async (count) => {
    for (let index = 0; index < count; index += width) {
      const all: Promise<unknown>[] = []
      for (let lane = 0; lane < width; lane += 1) all.push(call(key(index + lane)))
      // oxlint-disable-next-line no-await-in-loop -- so many at once, and no more
      await Promise.all(all)
    }
  },
})

export interface RedisSamples {
  readonly title: string
  readonly samples: ReadonlyMap<string, Sample>
}

/** Every candidate reads the same values from the same server, which is started for this alone. */
export const measureOnRedis = async (): Promise<readonly RedisSamples[]> => {
  const port = await freePort()
  await using server = new ManagedProcess({
    command: 'redis-server',
    arguments: ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'],
    workingDirectory: '/tmp',
  })
  void server
  const url = `redis://127.0.0.1:${port}`
  const typeMapping = { [RESP_TYPES.BLOB_STRING]: Buffer }
  const open = (more: Parameters<typeof createClient>[0] = {}): ReturnType<typeof createClient> =>
    createClient({ url, RESP: 3, commandOptions: { typeMapping }, ...more }).on('error', () => {})
  const bare = open()
  const tracked = open({ clientSideCache: { maxEntries: 10_000, ttl: 0 } })
  await waitUntil('redis-server', () => bare.connect().then(() => true))
  await tracked.connect()
  const wait = { commandTimeoutMs: 2000 }
  await using cache = createRedisCache({ url, ...wait })
  await using local = createRedisCache({ url, ...wait, clientSideCache: {} })
  await using memory = createMemoryCache()
  await waitUntil('the connections', () => cache.stats().connected && local.stats().connected)
  const value = Buffer.alloc(200, 'v')
  const fill = async (into: Cache, name: string): Promise<void> => {
    await into.set(name, value, options)
    await into.set(`tagged:${name}`, value, { ...options, tags: ['server:1', 'tenant:1'] })
  }
  for (const name of keys) {
    // oxlint-disable-next-line no-await-in-loop
    await Promise.all([bare.set(name, value), fill(cache, name), fill(memory, name)])
  }
  const reads = (shape: { readonly calls: number; readonly width: number }): readonly Candidate[] => [
    wide('node-redis GET', shape, (name) => bare.get(name)),
    wide('node-redis GET, its client-side cache', shape, (name) => tracked.get(name)),
    wide('get', shape, (name) => cache.get(name)),
    wide('get, two tags', shape, (name) => cache.get(`tagged:${name}`)),
    wide('get, client-side cache', shape, (name) => local.get(name)),
    wide('get, two tags, client-side cache', shape, (name) => local.get(`tagged:${name}`)),
    wide('get, in process', shape, (name) => memory.get(name)),
  ]
  const writes = (shape: { readonly calls: number; readonly width: number }): readonly Candidate[] => [
    wide('node-redis SET PX', shape, (name) =>
      bare.set(name, value, { expiration: { type: 'PX', value: 3_600_000 } }),
    ),
    wide('set', shape, (name) => cache.set(name, value, options)),
    wide('set, client-side cache', shape, (name) => local.set(name, value, options)),
  ]
  const one = { calls: 2000, width: 1 }
  const many = { calls: 25_600, width: 64 }
  try {
    return [
      { title: 'Reading 200 bytes from Redis, one at a time', samples: await sample(reads(one), 9) },
      { title: 'Reading 200 bytes from Redis, 64 at a time', samples: await sample(reads(many), 9) },
      { title: 'Writing 200 bytes to Redis, one at a time', samples: await sample(writes(one), 9) },
      { title: 'Writing 200 bytes to Redis, 64 at a time', samples: await sample(writes(many), 9) },
    ]
  } finally {
    bare.destroy()
    tracked.destroy()
  }
}
