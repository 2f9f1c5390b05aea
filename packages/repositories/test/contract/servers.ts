import { setTimeout as sleep } from 'node:timers/promises'

import { ConflictError, NotFoundError, type ServerRecord, ValidationError } from '@mreg/core'
import { describe, expect, it } from 'vitest'

import { newEntityId, SecretRepository, type ServerPatch } from '../../src/index.ts'
import {
  makeTenant,
  putSecret,
  type RegistryPool,
  rejection,
  remote,
  serverNamed,
  withServers,
} from './registry.ts'

const NUL = String.fromCodePoint(0)

/** What must be true of the servers of a tenant. */
export const describeServers = (pool: () => RegistryPool): void => {
  const create = (tenantId: string, slug: string, more = {}): Promise<ServerRecord> =>
    withServers(pool(), tenantId, (servers) => servers.create(serverNamed(slug, more)))

  describe('a server', () => {
    it('is stored with everything that was given', async () => {
      const tenantId = await makeTenant(pool())

      const created = await withServers(pool(), tenantId, async (servers, session) =>
        servers.create({
          slug: 'all',
          title: 'Title',
          description: 'Words “with” more than ASCII ✓',
          version: '1.2.3',
          tags: ['b', 'a', 'with "quotes", {braces} and \\'],
          visibility: 'public',
          settings: { toolCallTimeoutMs: 1_000 },
          managedBy: 'file:team',
          endpoints: [
            remote({ weight: 3, headerNames: ['authorization'], secretId: await putSecret(session) }),
            { transport: 'sse', url: 'http://127.0.0.1:9/sse' },
            {
              transport: 'stdio',
              command: 'node',
              args: ['--version', 'a b', ''],
              cwd: '/tmp',
              envNames: ['KEY'],
            },
          ],
        }),
      )

      expect(created).toMatchObject({
        tenantId,
        slug: 'all',
        title: 'Title',
        description: 'Words “with” more than ASCII ✓',
        version: '1.2.3',
        tags: ['b', 'a', 'with "quotes", {braces} and \\'],
        visibility: 'public',
        status: 'unknown',
        settings: { toolCallTimeoutMs: 1_000 },
        managedBy: 'file:team',
        revision: 1,
      })
      expect(created.createdAt).toBeInstanceOf(Date)
      expect(created.endpoints).toEqual([
        {
          id: expect.any(String),
          serverId: created.id,
          secretId: expect.any(String),
          transport: 'streamable-http',
          url: 'http://127.0.0.1:9/mcp',
          command: undefined,
          args: undefined,
          cwd: undefined,
          weight: 3,
          headerNames: ['authorization'],
          envNames: [],
        },
        {
          id: expect.any(String),
          serverId: created.id,
          secretId: undefined,
          transport: 'sse',
          url: 'http://127.0.0.1:9/sse',
          command: undefined,
          args: undefined,
          cwd: undefined,
          weight: 1,
          headerNames: [],
          envNames: [],
        },
        {
          id: expect.any(String),
          serverId: created.id,
          secretId: undefined,
          transport: 'stdio',
          url: undefined,
          command: 'node',
          args: ['--version', 'a b', ''],
          cwd: '/tmp',
          weight: 1,
          headerNames: [],
          envNames: ['KEY'],
        },
      ])
      const read = await withServers(pool(), tenantId, async (servers) => [
        await servers.getById(created.id),
        await servers.getBySlug('all'),
      ])
      expect(read).toEqual([created, created])
    })

    it('has plain defaults', async () => {
      const created = await create(await makeTenant(pool()), 'plain')

      expect(created).toMatchObject({
        title: undefined,
        description: undefined,
        version: undefined,
        tags: [],
        visibility: 'private',
        settings: {},
        managedBy: 'api',
      })
    })

    it('keeps its slug to itself in its tenant, and the session can go on', async () => {
      const tenantId = await makeTenant(pool())
      await create(tenantId, 'taken')

      const error = await withServers(pool(), tenantId, async (servers) => {
        const refused = await rejection(servers.create(serverNamed('taken')))
        await servers.create(serverNamed('free'))
        return refused
      })

      expect(ConflictError.is(error) && error.code).toBe('server_slug_taken')
      expect(error).toMatchObject({ message: expect.stringContaining('"taken"') })
      const page = await withServers(pool(), tenantId, (servers) => servers.list({ limit: 10 }))
      expect(page.items.map(({ slug }) => slug)).toEqual(['free', 'taken'])
      expect((await create(await makeTenant(pool()), 'taken')).slug).toBe('taken')
    })

    it('is made once when many make it at the same time', async () => {
      const tenantId = await makeTenant(pool())

      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => create(tenantId, 'wanted')))

      const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
      expect(refusals).toHaveLength(7)
      expect(
        refusals.every((reason) => ConflictError.is(reason) && reason.code === 'server_slug_taken'),
      ).toBe(true)
    })

    it('needs a tenant that exists', async () => {
      const error = await rejection(create('nobody', 'orphan'))

      expect(NotFoundError.is(error) && error.code).toBe('tenant_not_found')
    })

    it('is refused, with the place, when a text in it cannot be stored', async () => {
      const tenantId = await makeTenant(pool())

      const error = await rejection(
        create(tenantId, 'nul', { title: NUL, tags: ['fine', `a${NUL}`], endpoints: [remote({ url: NUL })] }),
      )

      expect(ValidationError.is(error) && error.faults.map(({ path }) => path).toSorted()).toEqual([
        'endpoints.0.url',
        'tags.1',
        'title',
      ])
    })

    it.each(['', 'no-such', 'UPPER', NUL, "';--", 'a'.repeat(10_000)])(
      'is not found by what is not its id or slug (%j)',
      async (text) => {
        const tenantId = await makeTenant(pool())

        const found = await withServers(pool(), tenantId, async (servers) => [
          await servers.getById(text),
          await servers.getBySlug(text),
          await servers.delete(text),
        ])

        expect(found).toEqual([undefined, undefined, false])
      },
    )
  })

  describe('a server of another tenant', () => {
    it('cannot be seen, changed or removed', async () => {
      const ann = await makeTenant(pool())
      const bob = await makeTenant(pool())
      const { id } = await create(ann, 'of-ann')

      const seen = await withServers(pool(), bob, async (servers) => [
        await servers.getById(id),
        await servers.getBySlug('of-ann'),
        await servers.delete(id),
        (await servers.list({ limit: 10 })).items,
      ])
      const updated = await rejection(
        withServers(pool(), bob, (servers) => servers.update(id, { title: 'mine' })),
      )
      const marked = await rejection(withServers(pool(), bob, (servers) => servers.setStatus(id, 'healthy')))

      expect(seen).toEqual([undefined, undefined, false, []])
      expect(NotFoundError.is(updated) && updated.code).toBe('server_not_found')
      expect(NotFoundError.is(marked) && marked.code).toBe('server_not_found')
      expect(await withServers(pool(), ann, (servers) => servers.getById(id))).toMatchObject({ revision: 1 })
    })

    it('cannot be given to this one, nor this one its secret', async () => {
      const ann = await makeTenant(pool())
      const bob = await makeTenant(pool())
      const secretId = await pool().tenantSession(ann, (session) => putSecret(session))

      const error = await rejection(create(bob, 'thief', { endpoints: [remote({ secretId })] }))

      expect(error).toMatchObject({ code: '23503' })
    })
  })

  describe('an update', () => {
    it('changes what it names, clears what it names as null, and nothing else', async () => {
      const tenantId = await makeTenant(pool())
      const before = await create(tenantId, 'one', {
        title: 'old',
        description: 'old',
        version: '1',
        tags: ['x'],
      })
      await sleep(2)

      const after = await withServers(pool(), tenantId, (servers) =>
        servers.update(before.id, { title: 'new', description: null, settings: { requestTimeoutMs: 5 } }),
      )

      expect(after).toEqual({
        ...before,
        title: 'new',
        description: undefined,
        settings: { requestTimeoutMs: 5 },
        revision: 2,
        updatedAt: after.updatedAt,
      })
      expect(after.updatedAt.getTime()).toBeGreaterThan(before.updatedAt.getTime())
      expect(await withServers(pool(), tenantId, (servers) => servers.getById(before.id))).toEqual(after)
    })

    it('cannot change the slug', async () => {
      const tenantId = await makeTenant(pool())
      const { id } = await create(tenantId, 'fixed')
      const patch: ServerPatch & { slug: string } = { slug: 'other', title: 'x' }

      expect(await withServers(pool(), tenantId, (servers) => servers.update(id, patch))).toMatchObject({
        slug: 'fixed',
      })
    })

    it('is refused when somebody changed the server since it was read', async () => {
      const tenantId = await makeTenant(pool())
      const { id } = await create(tenantId, 'one')
      const change = (title: string): Promise<ServerRecord> =>
        withServers(pool(), tenantId, (servers) => servers.update(id, { title }, { expectedRevision: 1 }))

      const outcomes = await Promise.allSettled([change('a'), change('b'), change('c')])

      const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
      expect(refusals).toHaveLength(2)
      expect(
        refusals.every((reason) => ConflictError.is(reason) && reason.code === 'revision_mismatch'),
      ).toBe(true)
    })

    it('of what is not there says so', async () => {
      const tenantId = await makeTenant(pool())

      for (const id of [newEntityId(), 'no-id']) {
        // oxlint-disable-next-line no-await-in-loop
        const error = await rejection(withServers(pool(), tenantId, (servers) => servers.update(id, {})))
        expect(NotFoundError.is(error) && error.code).toBe('server_not_found')
      }
    })

    it('of the endpoints keeps those it names, in the new order, and drops the others with their secrets', async () => {
      const tenantId = await makeTenant(pool())
      const [before, kept, dropped] = await withServers(pool(), tenantId, async (servers, session) => {
        const keptSecret = await putSecret(session)
        const droppedSecret = await putSecret(session)
        const server = await servers.create(
          serverNamed('one', {
            endpoints: [
              remote({ secretId: keptSecret }),
              remote({ url: 'http://b/', secretId: droppedSecret }),
            ],
          }),
        )
        return [server, keptSecret, droppedSecret] as const
      })
      const [first] = before.endpoints

      const after = await withServers(pool(), tenantId, (servers) =>
        servers.update(before.id, {
          endpoints: [remote({ url: 'http://new/' }), remote({ id: first?.id, secretId: kept, weight: 7 })],
        }),
      )

      expect(after.endpoints).toHaveLength(2)
      expect(after.endpoints[0]).toMatchObject({ url: 'http://new/', secretId: undefined })
      expect(after.endpoints[1]).toEqual({ ...first, weight: 7 })
      const secrets = await pool().tenantSession(tenantId, async (session) => {
        const repository = new SecretRepository(session)
        return [await repository.get(kept), await repository.get(dropped)]
      })
      expect(secrets).toEqual([expect.objectContaining({ id: kept }), undefined])
    })

    it('cannot take over the endpoint of another server by naming its id', async () => {
      const tenantId = await makeTenant(pool())
      const victim = await create(tenantId, 'victim')
      const other = await create(tenantId, 'other')

      const after = await withServers(pool(), tenantId, (servers) =>
        servers.update(other.id, {
          endpoints: [remote({ id: victim.endpoints[0]?.id, url: 'http://mine/' })],
        }),
      )

      expect(after.endpoints[0]?.id).not.toBe(victim.endpoints[0]?.id)
      expect(await withServers(pool(), tenantId, (servers) => servers.getById(victim.id))).toEqual(victim)
    })
  })

  describe('a status', () => {
    it('is news only when it is another one, and is not an edit', async () => {
      const tenantId = await makeTenant(pool())
      const { id, updatedAt } = await create(tenantId, 'one')

      const news = await withServers(pool(), tenantId, async (servers) => [
        await servers.setStatus(id, 'healthy'),
        await servers.setStatus(id, 'healthy'),
        await servers.setStatus(id, 'degraded'),
      ])

      expect(news).toEqual([true, false, true])
      expect(await withServers(pool(), tenantId, (servers) => servers.getById(id))).toMatchObject({
        status: 'degraded',
        revision: 1,
        updatedAt,
      })
    })
  })

  describe('a removal', () => {
    it('takes endpoints and secrets with it, and happens once', async () => {
      const tenantId = await makeTenant(pool())
      const [server, secretId] = await withServers(pool(), tenantId, async (servers, session) => {
        const secret = await putSecret(session)
        return [
          await servers.create(serverNamed('one', { endpoints: [remote({ secretId: secret })] })),
          secret,
        ] as const
      })

      const removed = await withServers(pool(), tenantId, async (servers, session) => [
        await servers.delete(server.id),
        await servers.delete(server.id),
        await servers.getById(server.id),
        await new SecretRepository(session).get(secretId),
        (await session.kysely.selectFrom('server_endpoints').selectAll().execute()).length,
      ])

      expect(removed).toEqual([true, false, undefined, undefined, 0])
    })
  })
}
