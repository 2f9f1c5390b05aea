import type { EndpointProbe, ServerStatus } from '@mreg/core'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import {
  EndpointProbeRepository,
  type ProbeLease,
  ProbeLeaseRepository,
  type StatusPolicy,
  type StoredProbe,
} from '../../src/index.ts'
import { makeTenant, POLICY, type RegistryPool, remote, serverNamed, withServers } from './registry.ts'

/** Longer than any test. */
const LEASE_MS = 600_000

const found = (endpointId: string, status: ServerStatus): EndpointProbe => ({
  endpointId,
  status,
  era: 'modern',
  latencyMs: 1,
  message: undefined,
  probedAt: undefined,
})

/** What must be true of who probes which endpoint, and of what follows from the results. */
export const describeProbeLeases = (pool: () => RegistryPool): void => {
  const run = <T>(work: (leases: ProbeLeaseRepository) => Promise<T>): Promise<T> =>
    pool().systemSession('test', (session) => work(new ProbeLeaseRepository(session)))
  const claim = (limit = 100): Promise<readonly ProbeLease[]> =>
    run((leases) => leases.claim('test', limit, LEASE_MS))
  const record = (
    probes: readonly (EndpointProbe & Partial<ProbeLease>)[],
    policy: StatusPolicy = POLICY,
  ): Promise<readonly StoredProbe[]> =>
    pool().systemSession('test', (session) => new EndpointProbeRepository(session).record(probes, policy))

  /** Nobody else's endpoint is due, and these are, in their order. */
  const makeDue = async (...ids: readonly string[]): Promise<void> => {
    await pool().systemSession('test', ({ kysely }) =>
      sql`
        update endpoint_probes p set lease_expires_at = null, next_probe_at = case when place is null
          then timestamptz 'infinity' else now() - interval '1 hour' + place * interval '1 second' end
        from endpoint_probes q left join unnest(${ids}::uuid[]) with ordinality as due (id, place) on due.id = q.endpoint_id
        where q.endpoint_id = p.endpoint_id
      `.execute(kysely),
    )
  }

  const makeEndpoints = async (count: number): Promise<readonly string[]> => {
    const tenantId = await makeTenant(pool())
    const { endpoints } = await withServers(pool(), tenantId, (servers) =>
      servers.create(serverNamed('one', { endpoints: Array.from({ length: count }, () => remote()) })),
    )
    return endpoints.map(({ id }) => id)
  }

  /** As if so much time had gone by for these endpoints. */
  const age = (ids: readonly string[], ms: number): Promise<unknown> =>
    pool().systemSession('test', ({ kysely }) =>
      sql`
        update endpoint_probes set lease_expires_at = lease_expires_at - ${ms}::float8 * interval '1 millisecond',
          next_probe_at = next_probe_at - ${ms}::float8 * interval '1 millisecond',
          status_since = status_since - ${ms}::float8 * interval '1 millisecond'
        where endpoint_id = any(${ids}::uuid[])
      `.execute(kysely),
    )

  describe('leases of probes', () => {
    it('are given to those that are due longest, and to nobody else until they end', async () => {
      const ids = await makeEndpoints(3)
      await makeDue(...ids)

      const first = await claim(2)
      const second = await claim()

      expect(first.map(({ endpointId }) => endpointId).toSorted()).toEqual(ids.slice(0, 2).toSorted())
      expect(second.map(({ endpointId }) => endpointId)).toEqual(ids.slice(2))
      expect(await claim()).toEqual([])
      expect(await run((leases) => leases.nextDueMs())).toBeGreaterThan(LEASE_MS / 2)
    })

    it('are taken over when they have ended, and what is written under the old one is refused', async () => {
      const ids = await makeEndpoints(1)
      await makeDue(...ids)
      const [late] = await claim()
      if (late === undefined) throw new Error('nothing was due')

      await age(ids, LEASE_MS)
      expect(await record([{ ...found(late.endpointId, 'unhealthy'), ...late }])).toEqual([])
      const [successor] = await claim()
      if (successor === undefined) throw new Error('it was not taken over')

      expect(successor.fencingToken).toBeGreaterThan(late.fencingToken)
      expect(await run((leases) => leases.renew([late], LEASE_MS))).toEqual([])
      await run((leases) => leases.release([late], 0))
      expect(await record([{ ...found(late.endpointId, 'unhealthy'), ...late }])).toEqual([])
      const stored = await record([{ ...found(late.endpointId, 'healthy'), ...successor }])
      expect(stored).toMatchObject([{ former: 'unknown', status: 'healthy' }])
      // Once is enough.
      expect(await record([{ ...found(late.endpointId, 'unhealthy'), ...successor }])).toEqual([])
    })

    it('last longer when they are renewed, and are due at once when they are given back', async () => {
      const ids = await makeEndpoints(2)
      await makeDue(...ids)
      const claimed = await claim()
      await age(ids, LEASE_MS - 1_000)

      const renewed = await run((leases) => leases.renew(claimed, LEASE_MS))
      expect(renewed).toHaveLength(2)
      await age(ids, LEASE_MS / 2)
      expect(await claim()).toEqual([])
      await run((leases) => leases.release(renewed.slice(0, 1), 0))

      const again = await claim()
      expect(again.map(({ endpointId }) => endpointId)).toEqual([renewed[0]?.endpointId])
    })

    it('are over when somebody asks out of turn, whose result counts at once', async () => {
      const ids = await makeEndpoints(1)
      await makeDue(...ids)
      const [lease] = await claim()
      if (lease === undefined) throw new Error('nothing was due')
      await record([found(lease.endpointId, 'healthy')])

      const asked = await record([found(lease.endpointId, 'unhealthy')])

      expect(asked).toMatchObject([{ former: 'healthy', status: 'unhealthy' }])
      expect(await record([{ ...found(lease.endpointId, 'healthy'), ...lease }])).toEqual([])
    })

    it('are for the next time after the interval, more or less, and sooner for those that do not work', async () => {
      const ids = await makeEndpoints(40)
      await record(ids.map((id, index) => found(id, index % 2 === 0 ? 'healthy' : 'unhealthy')))
      const { rows } = await pool().systemSession('test', ({ kysely }) =>
        sql<{ status: string; ms: number }>`
          select status, extract(epoch from next_probe_at - probed_at)::float8 * 1000 as ms
          from endpoint_probes where endpoint_id = any(${ids}::uuid[])
        `.execute(kysely),
      )
      for (const { status, ms } of rows) {
        const intervalMs = status === 'healthy' ? POLICY.intervalMs : POLICY.unhealthyIntervalMs
        expect(ms).toBeGreaterThanOrEqual(intervalMs * 0.8 - 1)
        expect(ms).toBeLessThan(intervalMs * 1.2 + 5_000)
      }
      expect(new Set(rows.map(({ ms }) => Math.round(ms))).size).toBeGreaterThan(10)
    })

    it('are for every endpoint that is stored, but never for a process, and for none that is gone', async () => {
      const tenantId = await makeTenant(pool())
      const server = await withServers(pool(), tenantId, (servers) =>
        servers.create(serverNamed('one', { endpoints: [remote(), { transport: 'stdio', command: 'x' }] })),
      )
      const ids = server.endpoints.map(({ id }) => id)
      await record(ids.map((id) => found(id, 'healthy')))
      const due = (): Promise<readonly string[]> =>
        pool().systemSession('test', async ({ kysely }) => {
          const { rows } = await sql<{ id: string }>`
            select endpoint_id as id from endpoint_probes
            where endpoint_id = any(${ids}::uuid[]) and next_probe_at < 'infinity'
          `.execute(kysely)
          return rows.map(({ id }) => id)
        })

      expect(await due()).toEqual(ids.slice(0, 1))
      await withServers(pool(), tenantId, (servers) => servers.delete(server.id))
      expect(await due()).toEqual([])
    })
  })

  describe('what is known of an endpoint', () => {
    /** One observation after the other, each under a lease, an interval apart. Gives the statuses in between. */
    // oxlint-disable-next-line unicorn/consistent-function-scoping -- it does capture
    const observe = async (...statuses: readonly ServerStatus[]): Promise<readonly string[]> => {
      const [id = ''] = await makeEndpoints(1)
      const known: string[] = []
      for (const status of statuses) {
        await age([id], POLICY.unhealthyIntervalMs)
        await makeDue(id)
        const [lease] = await claim()
        if (lease === undefined) throw new Error('it was not due')
        const [stored] = await record([{ ...found(id, status), ...lease }])
        known.push(stored?.status ?? 'refused')
      }
      return known
    }

    it('is what was found first', async () => {
      expect(await observe('healthy')).toEqual(['healthy'])
      expect(await observe('unhealthy', 'healthy', 'healthy')).toEqual(['unhealthy', 'degraded', 'healthy'])
      expect(await observe('needs_login', 'healthy')).toEqual(['needs_login', 'healthy'])
    })

    it('gets worse with each failure in a row, and better in as many steps', async () => {
      expect(
        await observe('healthy', 'unhealthy', 'unhealthy', 'unhealthy', 'healthy', 'healthy', 'healthy'),
      ).toEqual(['healthy', 'degraded', 'degraded', 'unhealthy', 'degraded', 'healthy', 'healthy'])
    })

    it('is degraded while failures and successes take turns', async () => {
      expect(
        await observe('healthy', 'unhealthy', 'healthy', 'unhealthy', 'healthy', 'unhealthy', 'unhealthy'),
      ).toEqual(['healthy', 'degraded', 'degraded', 'degraded', 'degraded', 'degraded', 'degraded'])
    })

    it('follows what is seen in traffic, which makes it due for a probe with each new status', async () => {
      const [id = ''] = await makeEndpoints(1)
      await record([found(id, 'healthy')])
      const witness = async (works: boolean): Promise<string> => {
        const [changed] = await pool().systemSession('test', (session) =>
          new EndpointProbeRepository(session).witness([{ endpointId: id, works }], POLICY),
        )
        const isDue = ((await run((leases) => leases.nextDueMs())) ?? 1) <= 0
        return `${changed?.status ?? 'as before'}${isDue ? ', due' : ''}`
      }

      await makeDue()
      const seen = [await witness(true), await witness(false)]
      await makeDue()
      seen.push(await witness(false), await witness(true), await witness(false), await witness(false))
      seen.push(await witness(false))
      await age([id], POLICY.unhealthyIntervalMs)
      seen.push(await witness(true))

      expect(seen).toEqual([
        'as before',
        'degraded, due',
        'as before',
        'as before',
        'as before',
        'as before',
        'unhealthy, due',
        'degraded, due',
      ])
    })

    it('gets better no sooner than an interval after it got worse', async () => {
      const [id = ''] = await makeEndpoints(1)
      await record([found(id, 'unhealthy')])
      const known: string[] = []
      for (let times = 0; times < 3; times += 1) {
        await makeDue(id)
        const [lease] = await claim()
        if (lease === undefined) throw new Error('it was not due')
        const [stored] = await record([{ ...found(id, 'healthy'), ...lease }])
        known.push(stored?.status ?? 'refused')
      }
      expect(known).toEqual(['unhealthy', 'unhealthy', 'unhealthy'])
    })
  })
}
