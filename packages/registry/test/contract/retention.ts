import { ChangeRepository, ServerRepository } from '@mreg/repositories'
import { describe, expect, test } from 'vitest'

import { RegistryRetention } from '../../src/index.ts'
import { makePrincipal, openRegistry, type RegistryPool } from '../support/open-registry.ts'

/** What the registry does not keep for ever. */
export const describeRetention = (pool: () => RegistryPool): void => {
  describe('the retention of the registry', () => {
    test('removes old entries of the change log, and a follower that missed them reads everything', async () => {
      const { tenantId } = await makePrincipal(pool())
      await using follower = await openRegistry(pool(), { listen: false })
      const endpoints = [{ transport: 'streamable-http', url: 'http://127.0.0.1:1/mcp' }] as const
      for (const slug of ['one', 'two']) {
        await pool().tenantSession(tenantId, (session) =>
          new ServerRepository(session).create({ slug, managedBy: 'api', endpoints }),
        )
      }
      const changes = () =>
        pool().systemSession('count', (session) => new ChangeRepository(session).since(tenantId, 0, 10))
      await using today = new RegistryRetention({ database: pool() })
      await today.prune()
      expect(await changes()).toHaveLength(2)
      await using nextMonth = new RegistryRetention({
        database: pool(),
        now: () => Date.now() + 30 * 86_400_000,
      })
      expect(await nextMonth.prune()).toBeGreaterThanOrEqual(2)
      expect(await changes()).toEqual([])
      await follower.changes.catchUp()
      expect(follower.served.of(tenantId)).toEqual(['one 1', 'two 1'])
    })
  })
}
