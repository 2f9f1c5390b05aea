import { ConsumerProject, OLDEST_NODE } from '@mreg/testing'
import { afterAll, assert, beforeAll, describe, expect, it } from 'vitest'

const moduleScript = `
import { cacheKey, createMemoryCache, jsonCache } from '@mreg/cache'
import { createRedisCache } from '@mreg/cache/redis'
const cache = createMemoryCache()
const prices = jsonCache(cache, (json) => json)
const load = () => prices.getOrLoad(cacheKey('price', 1), async () => ({ price: 5 }), { ttlMs: 60000, tags: ['prices'] })
const [first, second] = await Promise.all([load(), load()])
const away = createRedisCache({ url: 'redis://127.0.0.1:1', clientSideCache: {} })
const miss = await away.lookup('key')
await away[Symbol.asyncDispose]()
console.log([first.price, second.price, cache.stats().loads, miss.kind].join(' '))
`

const requireScript = `
const { createMemoryCache } = require('@mreg/cache')
const { createRedisCache } = require('@mreg/cache/redis')
console.log(createMemoryCache().stats().kind, typeof createRedisCache, require('@mreg/cache/package.json').name)
`

const typedScript = `
import { type Cache, createMemoryCache, jsonCache } from '@mreg/cache'
import { createRedisCache } from '@mreg/cache/redis'
const cache: Cache = createMemoryCache({ maxEntries: 10 })
const numbers = jsonCache(cache, Number)
export const one: Promise<number | undefined> = numbers.get('one')
// @ts-expect-error -- a misspelt option must not pass
createMemoryCache({ maxEntrys: 10 })
// @ts-expect-error -- a Redis needs an address
createRedisCache({})
`

/** The package as it is published, in an empty project beside what it needs. */
describe('the packed package in a project of a stranger', { timeout: 240_000 }, () => {
  let made: ConsumerProject | undefined
  const project = (): ConsumerProject => {
    assert(made !== undefined)
    return made
  }
  beforeAll(async () => {
    made = await ConsumerProject.create(new URL('..', import.meta.url), { peers: ['redis'] })
  }, 300_000)
  afterAll(() => made?.remove())

  it('is imported as a module by this Node', async () => {
    expect(await project().run(moduleScript)).toBe('5 5 1 unknown')
  })

  it('is required by CommonJS on this Node', async () => {
    expect(await project().run(requireScript, { type: 'commonjs' })).toBe('memory function @mreg/cache')
  })

  it(`is imported and required by Node ${OLDEST_NODE}, the lowest it supports`, async ({ skip }) => {
    const node = await project().oldestNode()
    skip(node === undefined, `Node ${OLDEST_NODE} could not be had on this machine`)
    expect(await project().run(moduleScript, { node })).toBe('5 5 1 unknown')
    expect(await project().run(requireScript, { type: 'commonjs', node })).toBe('memory function @mreg/cache')
  })

  it('has types that a strict project accepts, library checks included', async () => {
    expect(await project().typeErrors(typedScript)).toBe('')
  })

  it('holds what it says and no tests', async () => {
    expect(await project().filesOf('@mreg/cache')).toEqual(['README.md', 'dist', 'package.json', 'src'])
  })
})
