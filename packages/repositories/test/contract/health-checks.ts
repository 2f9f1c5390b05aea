import type { EndpointProbe } from '@mreg/core'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import {
  type HealthCheck,
  HealthCheckLog,
  HealthCheckRepository,
  newEntityId,
  type PageRequest,
} from '../../src/index.ts'
import { makeTenant, type RegistryPool, rejection, remote, serverNamed, withServers } from './registry.ts'

/** Minute `minute` of a day long ago. */
const at = (minute: number): Date => new Date(Date.UTC(2020, 0, 1, 0, minute))

const probe = (endpointId: string, minute: number, more: Partial<EndpointProbe> = {}): EndpointProbe => ({
  endpointId,
  status: 'healthy',
  era: 'modern',
  latencyMs: minute,
  message: undefined,
  probedAt: at(minute),
  ...more,
})

/** What must be true of the history of probes. */
export const describeHealthChecks = (pool: () => RegistryPool): void => {
  const append = (...probes: readonly EndpointProbe[]): Promise<void> =>
    pool().systemSession('test', (session) => new HealthCheckLog(session).append(probes))

  const list = (tenantId: string, serverId: string, page: PageRequest = { limit: 100 }) =>
    pool().tenantSession(tenantId, (session) =>
      new HealthCheckRepository(session).listForServer(serverId, page),
    )

  const makeServer = async (
    tenantId: string,
    endpoints = 2,
  ): Promise<{ readonly serverId: string; readonly ids: readonly string[] }> => {
    const server = await withServers(pool(), tenantId, (servers) =>
      servers.create(serverNamed('one', { endpoints: Array.from({ length: endpoints }, () => remote()) })),
    )
    return { serverId: server.id, ids: server.endpoints.map(({ id }) => id) }
  }

  /** All rounds of pruning, and how much they removed of anybody's. */
  const prune = async (olderThan: Date, keepPerEndpoint: number): Promise<number> => {
    let removed = 0
    let after: string | undefined
    do {
      const from = after
      // oxlint-disable-next-line no-await-in-loop -- each step goes on where the one before ended
      const step = await pool().systemSession('test', (session) =>
        new HealthCheckLog(session).prune({ olderThan, keepPerEndpoint }, from),
      )
      removed += step?.removed ?? 0
      after = step?.next
    } while (after !== undefined)
    return removed
  }

  describe('the history of probes', () => {
    it('has everything that was found at the endpoints of a server, newest first', async () => {
      const tenantId = await makeTenant(pool())
      const {
        serverId,
        ids: [first = '', second = ''],
      } = await makeServer(tenantId)
      const failed = {
        status: 'unhealthy',
        era: undefined,
        latencyMs: undefined,
        message: 'refused',
      } as const

      await append(probe(first, 1), probe(second, 2), probe(first, 3, failed))
      await append(probe(second, 4, { status: 'needs_login', latencyMs: 12.6 }))

      const found: HealthCheck[] = [
        {
          endpointId: second,
          status: 'needs_login',
          era: 'modern',
          latencyMs: 13,
          message: undefined,
          checkedAt: at(4),
        },
        { endpointId: first, ...failed, checkedAt: at(3) },
        {
          endpointId: second,
          status: 'healthy',
          era: 'modern',
          latencyMs: 2,
          message: undefined,
          checkedAt: at(2),
        },
        {
          endpointId: first,
          status: 'healthy',
          era: 'modern',
          latencyMs: 1,
          message: undefined,
          checkedAt: at(1),
        },
      ]
      expect(await list(tenantId, serverId)).toEqual({ items: found, nextCursor: undefined })
    })

    it('is read page by page, each check once, also where several are of the same moment', async () => {
      const tenantId = await makeTenant(pool())
      const { serverId, ids } = await makeServer(tenantId, 3)
      await append(...[0, 1, 2, 3].flatMap((minute) => ids.map((id) => probe(id, minute))))

      const seen: string[] = []
      const sizes: number[] = []
      let cursor: string | undefined
      do {
        const from = cursor
        // oxlint-disable-next-line no-await-in-loop
        const page = await list(tenantId, serverId, { limit: 5, cursor: from })
        seen.push(...page.items.map(({ endpointId, latencyMs }) => `${latencyMs} ${endpointId}`))
        sizes.push(page.items.length)
        cursor = page.nextCursor
      } while (cursor !== undefined)

      expect(sizes).toEqual([5, 5, 2])
      const newestIdFirst = ids.toSorted().toReversed()
      expect(seen).toEqual([3, 2, 1, 0].flatMap((minute) => newestIdFirst.map((id) => `${minute} ${id}`)))
    })

    it.each([
      'x',
      '["2020-01-01","a"]',
      `["nonsense","${newEntityId()}"]`,
      '["2020-01-01T00:00:00.000Z","x"]',
    ])('refuses the cursor %s', async (text) => {
      const cursor = Buffer.from(text).toString('base64url')
      const error = await rejection(list(await makeTenant(pool()), newEntityId(), { limit: 1, cursor }))

      expect(error).toMatchObject({ code: 'invalid_cursor' })
    })

    it('takes what endpoints say as it comes, and leaves out endpoints that are gone', async () => {
      const tenantId = await makeTenant(pool())
      const {
        serverId,
        ids: [id = ''],
      } = await makeServer(tenantId, 1)

      await append(
        probe(newEntityId(), 1),
        probe('no-id', 1),
        probe(id, 2, {
          message: `NUL \0 and half a pair \ud800 of ${'x'.repeat(5_000)}`,
          latencyMs: Number.NaN,
        }),
        probe(id, 3),
        probe(id, 3),
      )
      await append()

      const { items } = await list(tenantId, serverId)
      expect(items).toMatchObject([{ latencyMs: 3 }, { latencyMs: undefined }])
      expect(items[1]?.message).toMatch(/^NUL {2}and half a pair \ufffd of x+$/u)
      expect(items[1]?.message?.length).toBeLessThan(1_001)
    })

    it('is not there for others, and cannot be written by tenants', async () => {
      const ann = await makeTenant(pool())
      const bob = await makeTenant(pool())
      const {
        serverId,
        ids: [id = ''],
      } = await makeServer(ann, 1)
      await append(probe(id, 1))

      expect(await list(bob, serverId)).toEqual({ items: [], nextCursor: undefined })
      expect(await list(ann, 'no-id')).toEqual({ items: [], nextCursor: undefined })
      const refused = await rejection(
        pool().tenantSession(ann, ({ kysely }) => kysely.deleteFrom('health_checks').execute()),
      )
      expect(refused).toMatchObject({ code: '42501' })
    })

    it('loses what is too old, and what is too much for one endpoint', async () => {
      const tenantId = await makeTenant(pool())
      const {
        serverId,
        ids: [many = '', few = ''],
      } = await makeServer(tenantId)
      await append(...[1, 2, 3, 4, 5, 6].map((minute) => probe(many, minute)), probe(few, 1), probe(few, 6))

      await prune(at(2), 3)

      const { items } = await list(tenantId, serverId)
      expect(items.filter(({ endpointId }) => endpointId === many).map(({ latencyMs }) => latencyMs)).toEqual(
        [6, 5, 4],
      )
      expect(items.filter(({ endpointId }) => endpointId === few).map(({ latencyMs }) => latencyMs)).toEqual([
        6,
      ])
    })

    it('goes when its endpoint has gone', async () => {
      const tenantId = await makeTenant(pool())
      const {
        serverId,
        ids: [id = ''],
      } = await makeServer(tenantId, 1)
      await append(probe(id, 1))
      await withServers(pool(), tenantId, (servers) => servers.delete(serverId))

      await prune(at(0), 1_000)

      const left = await pool().systemSession('test', ({ kysely }) =>
        kysely.selectFrom('health_checks').selectAll().where('endpoint_id', '=', id).execute(),
      )
      expect(left).toEqual([])
    })

    it('is pruned to the end however long it is, in steps of bounded size', async () => {
      const tenantId = await makeTenant(pool())
      const { serverId, ids } = await makeServer(tenantId, 30)
      await pool().systemSession('test', ({ kysely }) =>
        sql`
          insert into health_checks (endpoint_id, checked_at, tenant_id, status)
          select id, timestamptz '2020-01-02' + n * interval '1 second', ${tenantId}, 'healthy'
          from unnest(${ids}::uuid[]) as given (id), generate_series(1, 400) n
        `.execute(kysely),
      )

      await prune(new Date('2020-01-02T00:06:40Z'), 1_000)

      // All of it was older, but for nothing.
      expect((await list(tenantId, serverId)).items).toEqual([])
    })
  })
}
