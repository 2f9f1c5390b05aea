import { randomBytes } from 'node:crypto'

import type { EndpointProbe, ServerRecord, ServerStatus } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import { HealthRecorder, HistoryPruner } from '@mreg/health'
import {
  ChangeRepository,
  type HealthCheck,
  HealthCheckRepository,
  migrations,
  type RegistryDatabase,
  ServerRepository,
  TenantRepository,
} from '@mreg/repositories'
import { waitUntil } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const POLICY = { intervalMs: 30_000, unhealthyIntervalMs: 10_000, failureThreshold: 3, successThreshold: 2 }

type RegistryPool = DatabasePool<RegistryDatabase>

/** What a probe of one endpoint found, as it is recorded. */
const found = (
  { id, tenantId, endpoints }: ServerRecord,
  status: ServerStatus,
  which = 0,
): Parameters<HealthRecorder['record']> => {
  const probe: EndpointProbe = {
    endpointId: endpoints[which]?.id ?? '',
    status,
    era: 'modern',
    latencyMs: 1,
    message: undefined,
    probedAt: new Date(),
  }
  return [{ tenantId, serverId: id }, [probe]]
}

/**
 * What must be true of keeping what probes found, on every kind of database.
 *
 * @param open gives a pool over an empty database.
 */
export const describeHealthHistory = (open: () => RegistryPool): void => {
  describe('what probes found', () => {
    let pool: RegistryPool

    beforeAll(async () => {
      pool = open()
      await pool.initialize()
      await pool.migrate(migrations)
    }, 120_000)

    afterAll(() => pool.close())

    const makeServers = async (count: number, endpoints = 1): Promise<readonly ServerRecord[]> => {
      const tenantId = `tenant-${randomBytes(6).toString('hex')}`
      await pool.systemSession('set up a test', (session) => new TenantRepository(session).ensure(tenantId))
      return await pool.tenantSession(tenantId, async (session) => {
        const made: ServerRecord[] = []
        for (let index = 0; index < count; index += 1) {
          const servers = new ServerRepository(session)
          const endpoint = { transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' } as const
          made.push(
            await servers.create({
              slug: `s-${index}`,
              endpoints: Array.from({ length: endpoints }, () => endpoint),
            }),
          )
        }
        return made
      })
    }

    const read = ({
      id,
      tenantId,
    }: ServerRecord): Promise<{ status?: string; history: readonly HealthCheck[] }> =>
      pool.tenantSession(tenantId, async (session) => ({
        status: (await new ServerRepository(session).getById(id))?.status ?? 'gone',
        history: (await new HealthCheckRepository(session).listForServer(id, { limit: 1_000 })).items,
      }))

    it('is the state of its server, and in the history, when it has been kept', async () => {
      const [server] = await makeServers(1, 2)
      if (server === undefined) throw new Error('there is no server')
      const recorder = new HealthRecorder(pool, POLICY)

      await recorder.record(...found(server, 'healthy'))
      expect(await read(server)).toMatchObject({ status: 'degraded', history: [{ status: 'healthy' }] })
      await recorder.record(...found(server, 'healthy', 1))
      expect((await read(server)).status).toBe('healthy')
      await recorder.record(...found(server, 'healthy', 1))
      await recorder.record(...found(server, 'unhealthy', 1))

      expect((await read(server)).history).toHaveLength(4)
      const statuses = await pool.systemSession('test', (session) =>
        new ChangeRepository(session).since(server.tenantId, 1, 100),
      )
      expect(statuses.map(({ kind }) => kind)).toEqual(['server_status', 'server_status', 'server_status'])
    })

    it('of many servers at once shares transactions, and none of it is lost', async () => {
      const servers = await makeServers(30)
      const recorder = new HealthRecorder(pool, POLICY)
      await Promise.all(servers.map((server) => recorder.record(...found(server, 'healthy'))))
      const before = pool.stats().committed

      await Promise.all(servers.map((server) => recorder.record(...found(server, 'healthy'))))

      expect(pool.stats().committed - before).toBeLessThanOrEqual(3)
      const states = await Promise.all(servers.map(read))
      expect(states.map(({ status, history }) => `${status} ${history.length}`)).toEqual(
        servers.map(() => 'healthy 2'),
      )
    })

    it('by several processes at once ends in the status that the last probes say, each change in the log', async () => {
      const servers = await makeServers(3, 3)
      const recorders = [
        new HealthRecorder(pool, POLICY),
        new HealthRecorder(pool, POLICY),
        new HealthRecorder(pool, POLICY),
      ]

      await Promise.all(
        Array.from({ length: 12 }, (_, round) =>
          Promise.all(
            servers.map(async (server) => {
              const status = round % 2 === 0 ? 'healthy' : 'unhealthy'
              await recorders[round % 3]?.record(...found(server, status, round % 3))
            }),
          ),
        ),
      )
      await Promise.all(
        recorders.flatMap((recorder, which) =>
          servers.map((server) => recorder.record(...found(server, 'unhealthy', which))),
        ),
      )

      const states = await Promise.all(servers.map(read))
      expect(states.map(({ status }) => status)).toEqual(servers.map(() => 'unhealthy'))
      const tenantId = servers[0]?.tenantId ?? ''
      const changes = await pool.systemSession('test', (session) =>
        new ChangeRepository(session).since(tenantId, 0, 1_000),
      )
      expect(changes.map(({ revision }) => revision)).toEqual(changes.map((_, index) => index + 1))
    })

    it('of a server that is gone is left out, without harm to the others', async () => {
      const [gone, stays] = await makeServers(2)
      if (gone === undefined || stays === undefined) throw new Error('there are no servers')
      await pool.tenantSession(gone.tenantId, (session) => new ServerRepository(session).delete(gone.id))
      const recorder = new HealthRecorder(pool, POLICY)

      await Promise.all([gone, stays].map((server) => recorder.record(...found(server, 'healthy'))))

      expect(await read(stays)).toMatchObject({ status: 'healthy', history: [{ status: 'healthy' }] })
      expect(await read(gone)).toEqual({ status: 'gone', history: [] })
    })

    it('is kept as long as the settings say', async () => {
      const [server] = await makeServers(1)
      if (server === undefined) throw new Error('there is no server')
      const recorder = new HealthRecorder(pool, POLICY)
      await recorder.record(...found(server, 'healthy'))
      const later = Date.now() + 10_000

      await using young = new HistoryPruner({
        database: pool,
        historyMs: 60_000,
        historyChecks: 10,
        now: () => later,
      })
      await young.prune()
      expect((await read(server)).history).toHaveLength(1)
      await using old = new HistoryPruner({
        database: pool,
        historyMs: 1_000,
        historyChecks: 10,
        intervalMs: 100,
        now: () => later,
      })
      old.start()
      await waitUntil('the history to be pruned', async () => (await read(server)).history.length === 0, {
        timeoutMs: 25_000,
      })
    })
  })
}
