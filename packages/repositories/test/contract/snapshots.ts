import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import {
  EndpointProbeRepository,
  newEntityId,
  SnapshotRepository,
  TenantRepository,
} from '../../src/index.ts'
import {
  POLICY,
  makeTenant,
  putSecret,
  type RegistryPool,
  remote,
  serverNamed,
  withServers,
} from './registry.ts'

/** What must be true of what the gateway reads: snapshots, probes, tenants. */
export const describeSnapshots = (pool: () => RegistryPool): void => {
  describe('a snapshot', () => {
    it('has the servers of all tenants with endpoints and sealed secrets', async () => {
      const ann = await makeTenant(pool())
      const bob = await makeTenant(pool())
      const ofAnn = await withServers(pool(), ann, async (servers, session) =>
        servers.create(
          serverNamed('a', {
            endpoints: [remote({ secretId: await putSecret(session, 'of ann') }), remote()],
          }),
        ),
      )
      const ofBob = await withServers(pool(), bob, (servers) =>
        servers.create(serverNamed('b', { endpoints: [] })),
      )

      const [all, some] = await pool().systemSession('test', async (session) => {
        const snapshots = new SnapshotRepository(session)
        return [
          await snapshots.allServers(),
          await snapshots.serversByIds([ofAnn.id, newEntityId(), 'no-id']),
        ]
      })

      const found = all.find(({ id }) => id === ofAnn.id)
      expect(found).toMatchObject(ofAnn)
      expect(
        found?.endpoints.map(({ secret }) => secret && Buffer.from(secret.ciphertext).toString()),
      ).toEqual(['of ann', undefined])
      expect(found?.endpoints[0]?.secret).toMatchObject({ id: ofAnn.endpoints[0]?.secretId, keyId: 'key-1' })
      expect(all.find(({ id }) => id === ofBob.id)).toEqual(ofBob)
      expect(some).toEqual([found])
    })

    it('is complete when there are more servers than one statement reads', { timeout: 60_000 }, async () => {
      const tenantId = await makeTenant(pool())
      await pool().systemSession('set up a test', async ({ kysely }) => {
        await sql`
          insert into servers (id, tenant_id, slug)
          select gen_random_uuid(), ${tenantId}, 'many-' || n from generate_series(1, 2500) n
        `.execute(kysely)
        await sql`
          insert into server_endpoints (id, tenant_id, server_id, position, transport, url)
          select gen_random_uuid(), tenant_id, id, 0, 'sse', 'http://' || slug from servers where tenant_id = ${tenantId}
        `.execute(kysely)
      })

      const all = await pool().systemSession('test', (session) =>
        new SnapshotRepository(session).allServers(),
      )
      const many = all.filter((server) => server.tenantId === tenantId)

      expect(new Set(many.map(({ slug }) => slug)).size).toBe(2_500)
      expect(many.every(({ slug, endpoints }) => endpoints[0]?.url === `http://${slug}`)).toBe(true)
      const ids = many.map(({ id }) => id)
      const byIds = await pool().systemSession('test', (session) =>
        new SnapshotRepository(session).serversByIds(ids),
      )
      expect(byIds).toHaveLength(2_500)
    })
  })

  describe('probes', () => {
    it('are unknown until one is stored; the last one counts, and an era that was seen is kept', async () => {
      const tenantId = await makeTenant(pool())
      const { id, endpoints } = await withServers(pool(), tenantId, (servers) =>
        servers.create(serverNamed('one', { endpoints: [remote(), remote()] })),
      )
      const [first = '', second = ''] = endpoints.map((endpoint) => endpoint.id)
      const probedAt = new Date('2026-11-23T10:11:12.345Z')

      const stored = await pool().tenantSession(tenantId, async (session) => {
        const probes = new EndpointProbeRepository(session)
        const before = await probes.forServer(id)
        const healthy = {
          endpointId: first,
          status: 'healthy',
          era: 'legacy',
          latencyMs: 12.4,
          message: undefined,
          probedAt: new Date(),
        } as const
        await probes.record([healthy], POLICY)
        await probes.record(
          [
            healthy,
            {
              endpointId: first,
              status: 'unhealthy',
              era: undefined,
              latencyMs: undefined,
              message: 'refused',
              probedAt,
            },
          ],
          POLICY,
        )
        return [before, await probes.forServer(id)]
      })

      const unknown = {
        status: 'unknown',
        era: undefined,
        latencyMs: undefined,
        message: undefined,
        probedAt: undefined,
      }
      expect(stored).toEqual([
        [
          { endpointId: first, ...unknown },
          { endpointId: second, ...unknown },
        ],
        [
          {
            endpointId: first,
            status: 'unhealthy',
            era: 'legacy',
            latencyMs: undefined,
            message: 'refused',
            probedAt,
          },
          { endpointId: second, ...unknown },
        ],
      ])
    })

    it('of several servers are read at once, each with those of its own endpoints', async () => {
      const tenantId = await makeTenant(pool())
      const [one, two] = await withServers(pool(), tenantId, async (servers) => [
        await servers.create(serverNamed('one', { endpoints: [remote(), remote()] })),
        await servers.create(serverNamed('two')),
      ])
      const read = await pool().tenantSession(tenantId, (session) =>
        new EndpointProbeRepository(session).forServers([one.id, 'no-id', two.id]),
      )
      for (const server of [one, two]) {
        expect(read.get(server.id)?.map(({ endpointId }) => endpointId)).toEqual(
          server.endpoints.map(({ id }) => id),
        )
      }
      expect(read.size).toBe(2)
    })

    it('of endpoints that are gone or belong to others are not stored', async () => {
      const ann = await makeTenant(pool())
      const bob = await makeTenant(pool())
      const server = await withServers(pool(), ann, (servers) => servers.create(serverNamed('one')))
      const endpointId = server.endpoints[0]?.id ?? ''
      const probe = {
        endpointId,
        status: 'healthy',
        era: undefined,
        latencyMs: 1,
        message: undefined,
        probedAt: new Date(),
      } as const

      const stored = [
        await pool().tenantSession(bob, (session) =>
          new EndpointProbeRepository(session).record([probe], POLICY),
        ),
        await pool().systemSession('test', (session) =>
          new EndpointProbeRepository(session).record([probe], POLICY),
        ),
        await withServers(pool(), ann, async (servers, session) => {
          await servers.delete(server.id)
          return await new EndpointProbeRepository(session).record([probe], POLICY)
        }),
        await pool().systemSession('test', (session) =>
          new EndpointProbeRepository(session).record([{ ...probe, endpointId: 'no-id' }], POLICY),
        ),
      ]

      expect(stored.map(({ length }) => length)).toEqual([0, 1, 0, 0])
      expect(
        await pool().tenantSession(ann, (session) => new EndpointProbeRepository(session).forServer('no-id')),
      ).toEqual([])
    })
  })

  describe('tenants', () => {
    it('are made once, however many make sure of them', async () => {
      const id = await makeTenant(pool())

      await Promise.all(
        Array.from({ length: 5 }, () =>
          pool().systemSession('test', (session) => new TenantRepository(session).ensure(id)),
        ),
      )
      const all = await pool().systemSession('test', (session) => new TenantRepository(session).list())

      expect(all.filter((tenant) => tenant.id === id)).toMatchObject([{ id, revision: 0 }])
      const ids = all.map((tenant) => tenant.id)
      expect(ids).toEqual(ids.toSorted())
    })
  })
}
