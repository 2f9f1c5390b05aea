import { createMemoryCache } from '@mreg/cache'
import { LRUCache } from 'lru-cache'

import { sample, type Candidate, type Sample } from '../samples.ts'

const KEYS = 1000
const CALLS = 100_000
const options = { ttlMs: 3_600_000 }
const key = (index: number): string => keys[index % KEYS] ?? ''
const keys = Array.from({ length: KEYS }, (_, index) => `session:${index}`)

const never = async (): Promise<Uint8Array> => {
  throw new Error('nothing is to be loaded')
}

/** Calls one after the other, each with another key. */
const each = (name: string, call: (key: string) => Promise<unknown>): Candidate => ({
  name,
  calls: CALLS,
  batch: async (calls) => {
    // oxlint-disable-next-line no-await-in-loop -- one after the other is what is measured
    for (let index = 0; index < calls; index += 1) await call(key(index))
  },
})

/** What a hit costs in process, over the LRU that it is built on. */
export const measureInProcess = async (): Promise<ReadonlyMap<string, Sample>> => {
  const value = new Uint8Array(200)
  const lru = new LRUCache<string, Uint8Array>({ max: 10_000, ttl: 3_600_000 })
  await using cache = createMemoryCache()
  for (const name of keys) {
    lru.set(name, value)
    // oxlint-disable-next-line no-await-in-loop
    await cache.set(name, value, options)
    // oxlint-disable-next-line no-await-in-loop
    await cache.set(`tagged:${name}`, value, { ...options, tags: ['server:1', 'tenant:1'] })
  }
  const stale = { ...options, staleWhileRevalidateMs: 60_000, staleIfErrorMs: 60_000 }
  let sink = 0
  const measured = await sample(
    [
      {
        name: 'lru-cache get, bare',
        calls: CALLS,
        batch: (calls) => {
          for (let index = 0; index < calls; index += 1) sink += lru.get(key(index))?.byteLength ?? 0
        },
      },
      each('lru-cache get in an async function', async (name) => lru.get(name)),
      each('get, a hit', (name) => cache.get(name)),
      each('get, a hit with two tags', (name) => cache.get(`tagged:${name}`)),
      each('get, a miss', (name) => cache.get(`no:${name}`)),
      each('getOrLoad, a hit', (name) => cache.getOrLoad(name, never, stale)),
      each('set', (name) => cache.set(name, value, options)),
    ],
    9,
  )
  if (sink === 0) throw new Error('nothing was read')
  return measured
}
