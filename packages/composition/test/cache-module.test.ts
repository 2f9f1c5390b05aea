import { freePort } from '@mreg/testing'
import { expect, test } from 'vitest'

import { cache, CacheToken, compose } from '../src/index.ts'
import { foundationWith } from './support/foundation.ts'

test.each([
  ['in the process when there is no Redis', async () => ({}), { kind: 'memory', connected: true }],
  [
    'on Redis when there is one, and made although it does not answer',
    async () => ({ MREG_REDIS_URL: `redis://127.0.0.1:${await freePort()}` }),
    { kind: 'redis', connected: false },
  ],
])('the cache is %s, and closed with the rest', async (_, environment, stats) => {
  const resources = new AsyncDisposableStack()
  const container = await compose(foundationWith(resources, await environment()), cache)
  const opened = container.get(CacheToken)
  expect(opened).toBe(container.get(CacheToken))
  expect(opened.stats()).toMatchObject(stats)
  await resources.disposeAsync()
  expect(await opened.lookup('key')).toEqual({ kind: 'unknown' })
})
