import { KeyRing } from '@mreg/access'
import { createMemoryCache } from '@mreg/cache'
import { silentLogger } from '@mreg/core'
import { CapabilityRepository, ServerRepository, ToolsetRepository } from '@mreg/repositories'
import { describe, expect, test } from 'vitest'

import {
  ChangeFeed,
  DatabaseCatalogStore,
  type Definition,
  ExposedNames,
  RouteSnapshots,
  SnapshotCache,
  SnapshotCatalogStore,
  SnapshotCodec,
  type SnapshotPlace,
  SnapshotWriter,
  type ToolsetChange,
  toolsetFollower,
} from '../../src/index.ts'
import { tools } from '../catalog/definitions.ts'
import { POLICY } from '../support/change-policy.ts'
import { makePrincipal, type RegistryPool, Served } from '../support/open-registry.ts'

const endpoint = { transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' } as const
const place = (): SnapshotPlace => new SnapshotCache(createMemoryCache())
const namesIn = (definitions: readonly Definition[] | undefined): readonly string[] =>
  (definitions ?? []).map(({ name }) => name).toSorted()

/** What is known without the database. */
export const describeSnapshots = (pool: () => RegistryPool): void => {
  const create = (tenantId: string, slug: string): Promise<string> =>
    pool().tenantSession(tenantId, async (session) => {
      const { id } = await new ServerRepository(session).create({ slug, endpoints: [endpoint] })
      return id
    })

  /** A process that keeps what it knows in these places. */
  const open = (...places: readonly SnapshotPlace[]) => {
    const changes = new ChangeFeed({ database: pool(), listen: false, pollMs: 3_600_000 })
    const codec = new SnapshotCodec({ sealer: new KeyRing(['a key']).sealer('snapshot'), database: 'test' })
    const writer = new SnapshotWriter({ codec, places, logger: silentLogger })
    return {
      changes,
      served: new Served(changes),
      routes: new RouteSnapshots(changes, writer),
      store: new SnapshotCatalogStore({
        store: new DatabaseCatalogStore(pool(), { changes: POLICY }),
        changes,
        writer,
      }),
      end: async (): Promise<void> => {
        await writer[Symbol.asyncDispose]()
        await changes[Symbol.asyncDispose]()
      },
    }
  }

  describe('a snapshot', () => {
    test('tells the next process what was registered, and how long ago that was so', async () => {
      const { tenantId } = await makePrincipal(pool())
      await create(tenantId, 'one')
      const disk = place()
      const before = open(disk)
      expect(before.routes.state()).toEqual({ source: 'nothing', confirmedAgeMs: undefined })
      await before.changes.start()
      await create(tenantId, 'two')
      await before.changes.catchUp()
      expect(before.routes.state().source).toBe('database')
      await before.end()

      const after = open(disk)
      const known = await after.routes.read()
      if (known === undefined) throw new Error('nothing was kept')
      after.routes.resume(known)

      expect(after.served.of(tenantId)).toEqual(['one 1', 'two 1'])
      expect(after.served.find(tenantId, 'one')).toEqual(before.served.find(tenantId, 'one'))
      expect(after.routes.state().source).toBe('snapshot')
      expect(after.changes.confirmedAgeMs).toBeGreaterThanOrEqual(0)
      await after.end()
      // What was resumed is not written as if it had been heard of now.
      expect((await open(disk).routes.read())?.confirmedAt).toEqual(known.confirmedAt)
    })

    test('holds what else is followed, such as keys and toolsets', async () => {
      const { tenantId } = await makePrincipal(pool())
      const disk = place()
      const before = open(disk)
      before.changes.follow(toolsetFollower(() => {}))
      await before.changes.start()
      const toolset = await pool().tenantSession(tenantId, (session) =>
        new ToolsetRepository(session).create({ slug: 'kept', items: [] }),
      )
      await before.changes.catchUp()
      await before.end()

      const after = open(disk)
      const told: ToolsetChange[] = []
      after.changes.follow(toolsetFollower((change) => void told.push(change)))
      const known = await after.routes.read()
      if (known === undefined) throw new Error('nothing was kept')
      after.routes.resume(known)
      expect(told).toHaveLength(1)
      expect(told[0]?.ids).toBeUndefined()
      expect(told[0]?.toolsets).toContainEqual(toolset)
      await after.end()
    })

    test('of two places is the one with more changes in it', async () => {
      const { tenantId } = await makePrincipal(pool())
      const [disk, shared] = [place(), place()]
      for (const [slug, where] of [
        ['older', disk],
        ['newer', shared],
      ] as const) {
        await create(tenantId, slug)
        const process = open(where)
        await process.changes.start()
        await process.end()
      }
      for (const places of [
        [disk, shared],
        [shared, disk],
      ]) {
        const known = await open(...places).routes.read()
        const slugs = known?.servers.filter((server) => server.tenantId === tenantId).map(({ slug }) => slug)
        expect(slugs?.toSorted()).toEqual(['newer', 'older'])
      }
    })

    test('holds what servers offer, and nothing that somebody has switched off', async () => {
      const { tenantId } = await makePrincipal(pool())
      const disk = place()
      const before = open(disk)
      const one = { serverId: await create(tenantId, 'one'), slug: 'one' }
      const own = { ...one, scopeKey: 'ada' }
      await before.changes.start()
      await before.store.load(tenantId, [one.serverId])
      const names = new ExposedNames()
      await before.store.save(tenantId, one, tools('a', 'b', 'c'), names)
      await before.store.save(tenantId, own, tools('mine'), names)
      const list = { serverId: one.serverId, scopeKey: '', kind: 'tool' } as const
      await pool().tenantSession(tenantId, (session) =>
        new CapabilityRepository(session).decide(list, 'b', {
          decision: 'disable',
          control: { onNew: 'accepted', onChange: 'changed' },
        }),
      )
      await before.store.loadServer(tenantId, one, [])
      await before.end()

      // The database was never heard of.
      const after = open(disk)
      const kept = await after.store.load(tenantId, [one.serverId])
      expect(namesIn(kept.offers[0]?.definitions)).toEqual(['a', 'c'])
      expect(kept.names.map(({ exposed }) => exposed).toSorted()).toEqual([
        'one__a',
        'one__b',
        'one__c',
        'one__mine',
      ])
      expect(namesIn((await after.store.loadServer(tenantId, one, [])).definitions)).toEqual(['a', 'c'])
      expect(namesIn((await after.store.loadServer(tenantId, own, [])).definitions)).toEqual(['mine'])
      expect(await after.store.load('another tenant', [one.serverId])).toEqual({ names: [], offers: [] })
      await after.end()
    })

    test('forgets a server that is gone', async () => {
      const { tenantId } = await makePrincipal(pool())
      const disk = place()
      const before = open(disk)
      const one = { serverId: await create(tenantId, 'one'), slug: 'one' }
      await before.changes.start()
      await before.store.save(tenantId, one, tools('a'), new ExposedNames())
      await pool().tenantSession(tenantId, (session) => new ServerRepository(session).delete(one.serverId))
      await before.changes.catchUp()
      await before.end()
      const after = open(disk)
      expect((await after.store.load(tenantId, [one.serverId])).offers).toEqual([])
      expect((await after.routes.read())?.servers.some(({ id }) => id === one.serverId)).toBe(false)
      await after.end()
    })
  })
}
