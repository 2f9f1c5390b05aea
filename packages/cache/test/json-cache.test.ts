import { describe, expect, it } from 'vitest'

import { createMemoryCache, jsonCache } from '../src/index.ts'
import { bytes, MINUTE } from './contract/open-cache.ts'

interface User {
  readonly name: string
}

const parseUser = (json: unknown): User => {
  if (typeof json === 'object' && json !== null && 'name' in json && typeof json.name === 'string') {
    return { name: json.name }
  }
  throw new TypeError('this is no user')
}

const ANN: User = { name: 'Änn' }

describe('jsonCache', () => {
  it('keeps values, and gives each reader its own', async () => {
    await using cache = createMemoryCache()
    const users = jsonCache(cache, parseUser)
    expect(await users.set('ann', ANN, { ttlMs: MINUTE })).toBe(true)
    const [first, second] = [await users.get('ann'), await users.get('ann')]
    expect(first).toEqual(ANN)
    expect(second).toEqual(ANN)
    expect(first).not.toBe(second)
    await users.delete('ann')
    expect(await users.get('ann')).toBeUndefined()
  })

  it('loads what is not there, once', async () => {
    await using cache = createMemoryCache()
    const users = jsonCache(cache, parseUser)
    const load = async (): Promise<User> => ANN
    await Promise.all([1, 2].map(() => users.getOrLoad('ann', load, { ttlMs: MINUTE })))
    expect(await users.getOrLoad('ann', load, { ttlMs: MINUTE })).toEqual(ANN)
    expect(cache.stats()).toMatchObject({ loads: 1 })
  })

  it.each(['no JSON', '{"name":1}', '\u00FF'])('takes %j for a miss, and loads it again', async (foreign) => {
    await using cache = createMemoryCache()
    const users = jsonCache(cache, parseUser)
    await cache.set('ann', bytes(foreign), { ttlMs: MINUTE })
    expect(await users.get('ann')).toBeUndefined()
    expect(await users.getOrLoad('ann', async () => ANN, { ttlMs: MINUTE })).toEqual(ANN)
    expect(await users.get('ann')).toEqual(ANN)
  })

  it('refuses what JSON cannot hold', async () => {
    await using cache = createMemoryCache()
    const anything = jsonCache(cache, (json) => json)
    await expect(anything.set('key', undefined, { ttlMs: MINUTE })).rejects.toThrow(TypeError)
    await expect(anything.getOrLoad('key', async () => undefined, { ttlMs: MINUTE })).rejects.toThrow(
      TypeError,
    )
  })
})
