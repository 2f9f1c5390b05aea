import { ExposedNameRepository, ServerRepository } from '@mreg/repositories'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { ChangeFeed, type RegisteredServer, type RegistryDelta } from '../../src/index.ts'
import { makePrincipal, openRegistry, type RegistryPool, Served } from '../support/open-registry.ts'

const endpoint = { transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' } as const

/** A follower that only looks when it is told to. */
const openFeed = (database: RegistryPool): ChangeFeed =>
  new ChangeFeed({ database, listen: false, pollMs: 3_600_000 })

/** Registers without a registry, as another process does. */
const create = (database: RegistryPool, tenantId: string, slug: string): Promise<string> =>
  database.tenantSession(tenantId, async (session) => {
    const { id } = await new ServerRepository(session).create({ slug, endpoints: [endpoint] })
    return id
  })

export const describeFollowing = (database: () => RegistryPool): void => {
  describe('a follower of the changes', () => {
    it('is told everything first, then each change, in order', async () => {
      const principal = await makePrincipal(database())
      const { tenantId } = principal
      await create(database(), tenantId, 'before')
      await using changes = openFeed(database())
      const told: string[] = []
      changes.onDelta(({ changed, removed, complete }: RegistryDelta) => {
        const own = changed.filter((server) => server.tenantId === tenantId)
        told.push(`${complete ? 'all' : 'some'}: ${own.map(({ slug }) => slug).join(' ')} -${removed.length}`)
      })
      await changes.start()
      expect(told).toEqual(['all: before -0'])
      const id = await create(database(), tenantId, 'after')
      expect(told).toHaveLength(1)
      await changes.catchUp()
      await database().tenantSession(tenantId, (session) => new ServerRepository(session).delete(id))
      await changes.catchUp()
      await changes.catchUp()
      expect(told).toEqual(['all: before -0', 'some: after -0', 'some:  -1'])
    })

    it('is told once of a server that changed several times between two looks, as it is now', async () => {
      const { tenantId } = await makePrincipal(database())
      await using changes = openFeed(database())
      const deltas: RegistryDelta[] = []
      await changes.start()
      changes.onDelta((delta) => void deltas.push(delta))
      const id = await create(database(), tenantId, 'busy')
      await database().tenantSession(tenantId, async (session) => {
        const servers = new ServerRepository(session)
        await servers.update(id, { title: 'one' })
        await servers.update(id, { title: 'two' })
        await servers.setStatus(id, 'healthy')
      })
      const gone = await create(database(), tenantId, 'brief')
      await database().tenantSession(tenantId, (session) => new ServerRepository(session).delete(gone))
      await changes.catchUp()
      expect(deltas).toMatchObject([
        {
          complete: false,
          changed: [{ id, title: 'two', revision: 3, status: 'healthy' }],
          removed: [{ tenantId, serverId: gone }],
        },
      ])
    })

    it('misses nothing while many write at the same time', { timeout: 60_000 }, async () => {
      await using open = await openRegistry(database(), { checker: () => Promise.resolve() })
      const principals = [await makePrincipal(database()), await makePrincipal(database())]
      await using late = openFeed(database())
      const seenLate = new Served(late)
      const write = async (writer: number): Promise<void> => {
        const principal = principals[writer % 2]
        if (principal === undefined) throw new Error('no principal')
        for (let count = 0; count < 8; count += 1) {
          const slug = `w${writer}-${count}`
          await open.registry.register(principal, { slug, endpoints: [endpoint] })
          if (count % 2 === 0) await open.registry.update(principal, slug, { title: 'changed' })
          if (count % 4 === 3) await open.registry.remove(principal, slug)
        }
      }
      const writers = Promise.all([0, 1, 2, 3].map(write))
      await late.start()
      await writers
      await late.catchUp()
      for (const principal of principals) {
        const { items } = await open.registry.list(principal, { limit: 100 })
        expect(items).toHaveLength(12)
        const expected = items
          .map(({ slug, revision }) => `${slug} ${revision}`)
          .toSorted((a, b) => a.localeCompare(b))
        expect(open.served.of(principal.tenantId)).toEqual(expected)
        expect(seenLate.of(principal.tenantId)).toEqual(expected)
      }
    })

    it('catches up with more changes than one look takes', async () => {
      const { tenantId } = await makePrincipal(database())
      await using changes = openFeed(database())
      const served = new Served(changes)
      await changes.start()
      const id = await create(database(), tenantId, 'first')
      // As if somebody had changed its status 2,500 times.
      await database().systemSession('fill the change log', async ({ kysely }) => {
        await sql`
          with counter as (update tenants set revision = revision + 2500 where id = ${tenantId} returning revision)
          insert into changes (tenant_id, revision, kind, object_id)
          select ${tenantId}, revision - 2500 + step, 'server_status', ${id} from counter, generate_series(1, 2500) as step`.execute(
          kysely,
        )
      })
      await create(database(), tenantId, 'last')
      await changes.catchUp()
      expect(served.of(tenantId)).toEqual(['first 1', 'last 1'])
    })

    it('reads everything again when what it has not seen was pruned', async () => {
      const { tenantId } = await makePrincipal(database())
      await using changes = openFeed(database())
      const served = new Served(changes)
      await changes.start()
      const id = await create(database(), tenantId, 'removed')
      await changes.catchUp()
      await create(database(), tenantId, 'pruned')
      await database().tenantSession(tenantId, (session) => new ServerRepository(session).delete(id))
      await database().systemSession('prune the change log', async ({ kysely }) => {
        await kysely.deleteFrom('changes').where('tenant_id', '=', tenantId).execute()
      })
      await changes.catchUp()
      expect(served.of(tenantId)).toEqual(['pruned 1'])
      await create(database(), tenantId, 'next')
      await changes.catchUp()
      expect(served.of(tenantId)).toEqual(['next 1', 'pruned 1'])
    })

    it('reads everything again when only the beginning of it was pruned', async () => {
      const { tenantId } = await makePrincipal(database())
      await using changes = openFeed(database())
      const served = new Served(changes)
      await changes.start()
      await create(database(), tenantId, 'pruned')
      await database().systemSession('prune the change log', async ({ kysely }) => {
        await kysely.deleteFrom('changes').where('tenant_id', '=', tenantId).execute()
      })
      await create(database(), tenantId, 'left')
      await changes.catchUp()
      expect(served.of(tenantId)).toEqual(['left 1', 'pruned 1'])
    })

    it('passes over changes of a kind that it does not know', async () => {
      const { tenantId } = await makePrincipal(database())
      await using changes = openFeed(database())
      const served = new Served(changes)
      await changes.start()
      await database().systemSession('write as a newer version does', async ({ kysely }) => {
        await sql`
          with counter as (update tenants set revision = revision + 1 where id = ${tenantId} returning revision)
          insert into changes (tenant_id, revision, kind, object_id)
          select ${tenantId}, revision, 'toolset_created', 'some object' from counter`.execute(kysely)
      })
      await changes.catchUp()
      await create(database(), tenantId, 'known')
      await changes.catchUp()
      expect(served.of(tenantId)).toEqual(['known 1'])
    })

    it('has seen what was committed before it was asked to catch up, however many ask', async () => {
      const { tenantId } = await makePrincipal(database())
      await using changes = openFeed(database())
      const served = new Served(changes)
      await changes.start()
      await Promise.all(
        Array.from({ length: 25 }, async (_, index) => {
          await create(database(), tenantId, `s${index}`)
          await changes.catchUp()
          expect(served.find(tenantId, `s${index}`)).toBeDefined()
        }),
      )
    })

    it('hears the others also when one of them fails', async () => {
      const { tenantId } = await makePrincipal(database())
      await using changes = openFeed(database())
      changes.onDelta(() => {
        throw new Error('the follower is broken')
      })
      const served = new Served(changes)
      await changes.start()
      await create(database(), tenantId, 'one')
      await changes.catchUp()
      expect(served.of(tenantId)).toEqual(['one 1'])
    })

    it('hears nothing more once it has ended', async () => {
      const { tenantId } = await makePrincipal(database())
      const changes = openFeed(database())
      let deltas = 0
      const end = changes.onDelta(() => {
        deltas += 1
      })
      const served = new Served(changes)
      await changes.start()
      end()
      end()
      await create(database(), tenantId, 'one')
      await changes.catchUp()
      expect(deltas).toBe(1)
      expect(served.of(tenantId)).toEqual(['one 1'])
      await changes[Symbol.asyncDispose]()
      await changes[Symbol.asyncDispose]()
      await create(database(), tenantId, 'two')
      await changes.catchUp()
      expect(served.of(tenantId)).toEqual(['one 1'])
    })

    it('is announced without being asked, where the database can be listened to', async () => {
      const { tenantId } = await makePrincipal(database())
      await using changes = new ChangeFeed({ database: database(), listen: true, pollMs: 3_600_000 })
      const served = new Served(changes)
      await changes.start()
      await create(database(), tenantId, 'announced')
      await expect.poll(() => served.of(tenantId)).toEqual(['announced 1'])
    })

    it('looks by itself each pollMs, where it cannot', async () => {
      const { tenantId } = await makePrincipal(database())
      await using changes = new ChangeFeed({ database: database(), listen: false, pollMs: 20 })
      const served = new Served(changes)
      await changes.start()
      await create(database(), tenantId, 'polled')
      await expect.poll(() => served.of(tenantId)).toEqual(['polled 1'])
    })

    it('is told what else changed than servers, in the words of the log', async () => {
      const { tenantId } = await makePrincipal(database())
      await using changes = openFeed(database())
      await changes.start()
      const told: unknown[] = []
      changes.onDelta((delta) => void told.push(delta.changes, delta.changed))
      await database().tenantSession(tenantId, (session) =>
        new ExposedNameRepository(session).claim('tool', 'one', new Map([['x', 'one__x']])),
      )
      await changes.catchUp()
      expect(told).toEqual([[{ tenantId, revision: 1, kind: 'exposed_names_added', objectId: 'one' }], []])
    })

    it('tells what was known before, and everything anew when the database is there', async () => {
      const { tenantId } = await makePrincipal(database())
      const slugsIn = (delta: RegistryDelta): string[] =>
        delta.changed.filter((server) => server.tenantId === tenantId).map(({ slug }) => slug)
      await create(database(), tenantId, 'known')
      await using before = openFeed(database())
      const servers: RegisteredServer[] = []
      before.onDelta(({ changed }) => void servers.push(...changed))
      await before.start()
      const revisions = new Map(before.revisions)
      await create(database(), tenantId, 'newer')

      await using after = openFeed(database())
      const told: (readonly [boolean, string[]])[] = []
      after.onDelta((delta) => void told.push([delta.complete, slugsIn(delta)]))
      after.resume({ revisions, servers })
      expect(after.confirmedAgeMs).toBeUndefined()
      expect(after.revisions).toEqual(revisions)
      await after.start()
      after.resume({ revisions, servers })

      expect(told).toEqual([
        [true, ['known']],
        [true, ['known', 'newer']],
      ])
      expect(after.confirmedAgeMs).toBeGreaterThanOrEqual(0)
    })

    it('is told everything anew when the log is behind: the database was restored from a copy', async () => {
      const { tenantId } = await makePrincipal(database())
      await using changes = openFeed(database())
      const served = new Served(changes)
      await create(database(), tenantId, 'kept')
      await create(database(), tenantId, 'lost')
      await changes.start()
      await database().systemSession('go back to a copy', async ({ kysely }) => {
        await kysely
          .deleteFrom('servers')
          .where('tenant_id', '=', tenantId)
          .where('slug', '=', 'lost')
          .execute()
        await kysely
          .deleteFrom('changes')
          .where('tenant_id', '=', tenantId)
          .where('revision', '>', 1)
          .execute()
        await kysely.updateTable('tenants').set({ revision: 1 }).where('id', '=', tenantId).execute()
      })
      await changes.catchUp()
      expect(served.of(tenantId)).toEqual(['kept 1'])
    })

    it('says how long ago the database was asked, also while it is away', async () => {
      let now = 1000
      const changes = new ChangeFeed({
        database: database(),
        listen: false,
        pollMs: 3_600_000,
        now: () => now,
      })
      await changes.start()
      now += 500
      expect(changes.confirmedAgeMs).toBe(500)
      await changes.catchUp()
      expect(changes.confirmedAgeMs).toBe(0)
      await changes[Symbol.asyncDispose]()
      now += 900
      await changes.catchUp()
      expect(changes.confirmedAgeMs).toBe(900)
    })

    it('ends harmlessly before it has started, and then does not start to look', async () => {
      const changes = openFeed(database())
      const deltas: RegistryDelta[] = []
      changes.onDelta((delta) => void deltas.push(delta))
      await changes[Symbol.asyncDispose]()
      await changes.catchUp()
      expect(deltas).toEqual([])
    })
  })
}
