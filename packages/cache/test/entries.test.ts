import { describe, expect, it } from 'vitest'

import { startSource } from './processes/source-process.ts'

const importWithout = async (
  entry: string,
  missing: string,
): Promise<{ code: number | null; output: string }> => {
  const child = startSource('import-without.ts', entry, missing)
  const { code } = await child.exited
  return { code, output: child.stdout.trim() + child.stderr }
}

describe('the entries', { timeout: 60_000 }, () => {
  it('the shared one does not load redis', async () => {
    expect(await importWithout('@mreg/cache', 'redis')).toEqual({
      code: 0,
      output: 'CacheLoadTimeoutError MAXIMUM_TTL_MS cacheKey createMemoryCache jsonCache',
    })
  })

  it('the one of Redis exports this', async () => {
    expect(await importWithout('@mreg/cache/redis', 'nothing')).toEqual({
      code: 0,
      output: 'createRedisCache',
    })
  })

  it('the check itself would notice', async () => {
    const { code, output } = await importWithout('@mreg/cache/redis', 'redis')

    expect(code).toBe(1)
    expect(output).toContain('redis was asked for')
  })
})
