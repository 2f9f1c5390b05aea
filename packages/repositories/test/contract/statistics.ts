import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { StatisticsRepository } from '../../src/index.ts'
import { makeTenant, type RegistryPool, rejection, remote, serverNamed, withServers } from './registry.ts'

/** What must be true of counts. */
export const describeStatistics = (pool: () => RegistryPool): void => {
  const statistics = (tenantId: string) => withServers(pool(), tenantId, (servers) => servers.statistics())

  describe('statistics', () => {
    it('count nothing in a new tenant', async () => {
      expect(await statistics(await makeTenant(pool()))).toEqual({
        total: 0,
        byStatus: new Map(),
        byTransport: new Map(),
      })
    })

    it('follow every change of servers and endpoints in its transaction', async () => {
      const tenantId = await makeTenant(pool())
      const stdio = { transport: 'stdio', command: 'x' } as const
      const sse = { transport: 'sse', url: 'http://127.0.0.1:9' } as const
      const [one, two] = await withServers(pool(), tenantId, async (servers) => [
        await servers.create(serverNamed('one', { endpoints: [remote(), remote(), stdio] })),
        await servers.create(serverNamed('two', { endpoints: [sse] })),
        await servers.create(serverNamed('three', { endpoints: [] })),
      ])
      if (one === undefined || two === undefined) throw new Error('there are no servers')

      expect(await statistics(tenantId)).toEqual({
        total: 3,
        byStatus: new Map([['unknown', 3]]),
        byTransport: new Map([
          ['streamable-http', 1],
          ['stdio', 1],
          ['sse', 1],
        ]),
      })

      await withServers(pool(), tenantId, async (servers) => {
        await servers.setStatus(one.id, 'healthy')
        const [kept, , last] = one.endpoints
        // One endpoint changes its transport, one goes, one is new.
        await servers.update(one.id, {
          endpoints: [{ ...sse, id: kept?.id }, { ...stdio, id: last?.id }, remote()],
        })
        await servers.update(two.id, { title: 'nothing that counts' })
      })
      expect(await statistics(tenantId)).toEqual({
        total: 3,
        byStatus: new Map([
          ['unknown', 2],
          ['healthy', 1],
        ]),
        byTransport: new Map([
          ['streamable-http', 1],
          ['stdio', 1],
          ['sse', 2],
        ]),
      })

      await withServers(pool(), tenantId, (servers) => servers.delete(one.id))
      const rolledBack = withServers(pool(), tenantId, async (servers) => {
        await servers.delete(two.id)
        throw new Error('mine')
      })
      await rejection(rolledBack)
      expect(await statistics(tenantId)).toEqual({
        total: 2,
        byStatus: new Map([['unknown', 2]]),
        byTransport: new Map([['sse', 1]]),
      })
    })

    it('are right however many change servers at once', { timeout: 60_000 }, async () => {
      const tenantId = await makeTenant(pool())
      await Promise.all(
        Array.from({ length: 6 }, async (_, writer) => {
          for (let index = 0; index < 5; index += 1) {
            // oxlint-disable-next-line no-await-in-loop
            await withServers(pool(), tenantId, async (servers) => {
              const { id } = await servers.create(serverNamed(`w${writer}-${index}`))
              await servers.setStatus(id, index % 2 === 0 ? 'healthy' : 'unhealthy')
              await (index === 4 ? servers.delete(id) : undefined)
            })
          }
        }),
      )

      expect(await statistics(tenantId)).toEqual({
        total: 24,
        byStatus: new Map([
          ['healthy', 12],
          ['unhealthy', 12],
        ]),
        byTransport: new Map([['streamable-http', 24]]),
      })
    })

    it('of all tenants are the sum, and each tenant’s own', async () => {
      const ann = await makeTenant(pool())
      const bob = await makeTenant(pool())
      await withServers(pool(), ann, (servers) => servers.create(serverNamed('one')))
      await withServers(pool(), bob, async (servers) => {
        await servers.create(serverNamed('one'))
        await servers.setStatus((await servers.create(serverNamed('two'))).id, 'degraded')
      })

      const [all, counted] = await pool().systemSession('test', async (session) => {
        const { rows } = await sql<{ total: number; degraded: number }>`
          select count(*)::int as total, (count(*) filter (where status = 'degraded'))::int as degraded from servers
        `.execute(session.kysely)
        return [await new StatisticsRepository(session).servers(), rows[0]] as const
      })

      expect(all.byTenant.get(ann)).toEqual(await statistics(ann))
      expect(all.byTenant.get(bob)).toEqual(await statistics(bob))
      expect({ total: all.total, degraded: all.byStatus.get('degraded') }).toEqual(counted)
    })
  })
}
