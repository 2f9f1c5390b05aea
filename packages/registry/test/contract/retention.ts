import {
  ChangeRepository,
  IdempotencyKeyRepository,
  RetentionRepository,
  ServerRepository,
} from '@mreg/repositories'
import { describe, expect, test } from 'vitest'

import { DatabaseCatalogStore, ExposedNames, RegistryRetention } from '../../src/index.ts'
import { tools } from '../catalog/definitions.ts'
import { POLICY } from '../support/change-policy.ts'
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

    test('removes what nobody needs any more: keys of requests, and definitions that no server offers', async () => {
      const { tenantId } = await makePrincipal(pool())
      const endpoints = [{ transport: 'streamable-http', url: 'http://127.0.0.1:1/mcp' }] as const
      const { id: serverId } = await pool().tenantSession(tenantId, (session) =>
        new ServerRepository(session).create({ slug: 'one', endpoints }),
      )
      const store = new DatabaseCatalogStore(pool(), { changes: POLICY })
      const names = new ExposedNames()
      for (const name of ['first', 'second'])
        await store.save(tenantId, { serverId, slug: 'one' }, tools(name), names)
      await pool().tenantSession(tenantId, (session) =>
        new IdempotencyKeyRepository(session).begin({ principalId: 'ada', key: 'a key' }, 'a request'),
      )
      const left = () =>
        pool().systemSession('count', async ({ kysely }) => {
          const ofTenant = (table: 'definitions' | 'idempotency_keys') =>
            kysely.selectFrom(table).select('tenant_id').where('tenant_id', '=', tenantId).execute()
          return [(await ofTenant('definitions')).length, (await ofTenant('idempotency_keys')).length]
        })
      const before = await left()
      expect(before[1]).toBe(1)
      await using tomorrow = new RegistryRetention({
        database: pool(),
        now: () => Date.now() + 2 * 86_400_000,
      })
      await tomorrow.prune()
      expect(await left()).toEqual([before[0], 0])
      await pool().tenantSession(tenantId, (session) => new ServerRepository(session).delete(serverId))
      await tomorrow.prune()
      expect(await left()).toEqual([0, 0])
    })

    test('leaves the work to whoever does it already', async ({ skip }) => {
      if (pool().kind === 'pglite') skip('it has one connection')
      const { tenantId } = await makePrincipal(pool())
      const endpoints = [{ transport: 'streamable-http', url: 'http://127.0.0.1:1/mcp' }] as const
      await pool().tenantSession(tenantId, (session) =>
        new ServerRepository(session).create({ slug: 'one', endpoints }),
      )
      const changes = () =>
        pool().systemSession('count', (session) => new ChangeRepository(session).since(tenantId, 0, 10))
      await using retention = new RegistryRetention({
        database: pool(),
        now: () => Date.now() + 30 * 86_400_000,
      })
      const begun = Promise.withResolvers<boolean>()
      const done = Promise.withResolvers<void>()
      const somebody = pool().systemSession('somebody else', async (session) => {
        begun.resolve(await new RetentionRepository(session).isAlone())
        await done.promise
      })
      expect(await begun.promise).toBe(true)
      await retention.prune()
      expect(await changes()).toHaveLength(1)
      done.resolve()
      await somebody
      await retention.prune()
      expect(await changes()).toEqual([])
    })
  })
}
