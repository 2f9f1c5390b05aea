import { describe, expect, it } from 'vitest'

import {
  ApiKeyDirectory,
  ApiKeyRepository,
  ChangeRepository,
  newEntityId,
  PolicyDirectory,
  PolicyRepository,
  ToolsetDirectory,
  ToolsetRepository,
} from '../../src/index.ts'
import { newKey } from './full-tenant.ts'
import { makeTenant, type RegistryPool, rejection } from './registry.ts'

/** What must be true of keys, policies and toolsets. */
export const describeAccess = (pool: () => RegistryPool): void => {
  const withKeys = <T>(tenantId: string, work: (keys: ApiKeyRepository) => Promise<T>): Promise<T> =>
    pool().tenantSession(tenantId, (session) => work(new ApiKeyRepository(session)))

  const inDirectory = <T>(work: (keys: ApiKeyDirectory) => Promise<T>): Promise<T> =>
    pool().systemSession('test', (session) => work(new ApiKeyDirectory(session)))

  const kinds = (tenantId: string): Promise<readonly string[]> =>
    pool().systemSession('test', async (session) =>
      (await new ChangeRepository(session).since(tenantId, 0, 1_000)).map(({ kind }) => kind),
    )

  describe('keys', () => {
    it('are found by their lookup id, with what is needed to check them', async () => {
      const tenantId = await makeTenant(pool())
      const expiresAt = new Date('2030-01-01T00:00:00Z')
      const made = await withKeys(tenantId, (keys) =>
        keys.create(newKey({ hash: Buffer.from([0, 1, 255]), expiresAt, scopes: { servers: ['a'] } })),
      )

      expect(made).toMatchObject({
        tenantId,
        principalId: 'ann',
        role: 'user',
        scopes: { servers: ['a'] },
        expiresAt,
        revokedAt: undefined,
        lastUsedAt: undefined,
        revision: 1,
      })
      expect(made).not.toHaveProperty('hash')
      const found = await inDirectory((keys) => keys.findByLookupId(made.lookupId))
      expect(found).toEqual({ ...made, hash: found?.hash })
      expect([...(found?.hash ?? [])]).toEqual([0, 1, 255])
      expect(await inDirectory((keys) => keys.findByLookupId('none'))).toBeUndefined()
      expect(await inDirectory((keys) => keys.findByLookupId('\0'))).toBeUndefined()
      expect(await inDirectory((keys) => keys.byIds([made.id, newEntityId(), 'no-id']))).toEqual([found])
      expect((await inDirectory((keys) => keys.all())).find(({ id }) => id === made.id)).toEqual(found)
    })

    it('have a lookup id that nobody else has, in any tenant', async () => {
      const key = newKey()
      await withKeys(await makeTenant(pool()), (keys) => keys.create(key))
      const error = await rejection(withKeys(await makeTenant(pool()), (keys) => keys.create(key)))

      expect(error).toMatchObject({ code: 'api_key_lookup_id_taken' })
    })

    it('are changed, revoked for good and deleted, each of it in the change log', async () => {
      const tenantId = await makeTenant(pool())
      const { id } = await withKeys(tenantId, (keys) => keys.create(newKey()))
      const revoked = await withKeys(tenantId, async (keys) => {
        await keys.update(id, { name: 'other', role: 'readonly', expiresAt: new Date(), scopes: { a: 1 } })
        await keys.update(id, { expiresAt: null, hash: Buffer.from('new') })
        return await keys.update(id, { revoked: true })
      })
      const later = await withKeys(tenantId, (keys) => keys.update(id, { revoked: true }))

      expect(revoked).toMatchObject({ name: 'other', role: 'readonly', expiresAt: undefined, revision: 4 })
      expect(revoked.revokedAt).toBeInstanceOf(Date)
      expect(later.revokedAt).toEqual(revoked.revokedAt)
      expect(
        await withKeys(tenantId, (keys) => keys.delete(id, { expectedRevision: 4 }).catch(String)),
      ).toContain('revision')
      expect(await withKeys(tenantId, (keys) => keys.delete(id, { expectedRevision: 5 }))).toBe(true)
      const updates = Array.from({ length: 4 }, () => 'api_key_updated')
      expect(await kinds(tenantId)).toEqual(['api_key_created', ...updates, 'api_key_deleted'])
    })

    it('remember when they were used last, which is no change', async () => {
      const tenantId = await makeTenant(pool())
      const [one, two] = await withKeys(tenantId, async (keys) => [
        await keys.create(newKey()),
        await keys.create(newKey()),
      ])
      const [early, late] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-01-02T00:00:00Z')]
      const id = one?.id ?? ''
      await inDirectory((keys) =>
        keys.markUsed(
          new Map([
            [id, late],
            [newEntityId(), late],
            ['no-id', late],
          ]),
        ),
      )
      await inDirectory((keys) => keys.markUsed(new Map([[id, early]])))
      await inDirectory((keys) => keys.markUsed(new Map()))

      const used = await withKeys(tenantId, (keys) => keys.list({ limit: 10 }))
      expect(used.items.map((key) => [key.id, key.lastUsedAt, key.revision])).toEqual([
        [id, late, 1],
        [two?.id, undefined, 1],
      ])
      expect(await kinds(tenantId)).toEqual(['api_key_created', 'api_key_created'])
    })

    it('are listed page by page', async () => {
      const tenantId = await makeTenant(pool())
      const ids = await withKeys(tenantId, async (keys) => [
        (await keys.create(newKey())).id,
        (await keys.create(newKey())).id,
        (await keys.create(newKey())).id,
      ])
      const first = await withKeys(tenantId, (keys) => keys.list({ limit: 2 }))
      const second = await withKeys(tenantId, (keys) => keys.list({ limit: 2, cursor: first.nextCursor }))
      const cursor = Buffer.from('["no id"]').toString('base64url')

      expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids.toSorted())
      expect(await rejection(withKeys(tenantId, (keys) => keys.list({ limit: 1, cursor })))).toMatchObject({
        code: 'invalid_cursor',
      })
    })
  })

  describe('policies', () => {
    it('are stored, changed under a name of their own, and deleted', async () => {
      const tenantId = await makeTenant(pool())
      const policy = { subject: { kind: 'role', id: 'user' }, rules: { deny: ['delete_*'] } } as const
      const made = await pool().tenantSession(tenantId, async (session) => {
        const policies = new PolicyRepository(session)
        await policies.create({ ...policy, name: 'b' })
        const first = await policies.create({ ...policy, name: 'a', managedBy: 'file:team' })
        const taken = [
          await rejection(policies.create({ ...policy, name: 'b' })),
          await rejection(policies.update(first.id, { name: 'b' })),
        ]
        const changed = await policies.update(
          first.id,
          { name: 'c', rules: {}, subject: { kind: 'tenant', id: '' }, managedBy: 'api' },
          { expectedRevision: 1 },
        )
        const { items } = await policies.list({ limit: 10 })
        return { first, taken, changed, names: items.map(({ name }) => name) }
      })

      expect(made.first).toMatchObject({
        ...policy,
        tenantId,
        name: 'a',
        managedBy: 'file:team',
        revision: 1,
      })
      expect(made.taken).toEqual(made.taken.map(() => expect.objectContaining({ code: 'policy_name_taken' })))
      expect(made.changed).toMatchObject({
        name: 'c',
        rules: {},
        subject: { kind: 'tenant', id: '' },
        revision: 2,
      })
      expect(made.names).toEqual(['b', 'c'])
      const [all, some] = await pool().systemSession('test', async (session) => {
        const directory = new PolicyDirectory(session)
        return [await directory.all(), await directory.byIds([made.changed.id, 'no-id'])]
      })
      expect(some).toEqual([made.changed])
      expect(all.filter((each) => each.tenantId === tenantId)).toHaveLength(2)
      expect(await kinds(tenantId)).toEqual(['policy_created', 'policy_created', 'policy_updated'])
    })
  })

  describe('toolsets', () => {
    it('are stored with their items in order, changed as a whole, and deleted', async () => {
      const tenantId = await makeTenant(pool())
      const items = [
        { effect: 'include', serverSlug: 'a', namePattern: 'get_*', readOnlyOnly: true },
        { effect: 'exclude', tag: 'dangerous' },
        { effect: 'include', serverSlug: 'not-there-yet', rename: 'other', description: 'Words' },
      ] as const
      const { made, changed, taken, found } = await pool().tenantSession(tenantId, async (session) => {
        const toolsets = new ToolsetRepository(session)
        const first = await toolsets.create({ slug: 'set', title: 'Title', items })
        return {
          made: first,
          taken: await rejection(toolsets.create({ slug: 'set', items: [] })),
          found: [
            await toolsets.getBySlug('set'),
            await toolsets.getBySlug('none'),
            await toolsets.getBySlug('%'),
          ],
          changed: await toolsets.update(first.id, { title: null, items: items.slice(1, 2) }),
        }
      })

      expect(made).toMatchObject({
        tenantId,
        slug: 'set',
        title: 'Title',
        managedBy: 'api',
        revision: 1,
        items,
      })
      expect(made.items).toHaveLength(3)
      expect(found).toEqual([made, undefined, undefined])
      expect(taken).toMatchObject({ code: 'toolset_slug_taken' })
      expect(changed).toMatchObject({ title: undefined, revision: 2, items: [items[1]] })
      const [all, some] = await pool().systemSession('test', async (session) => {
        const directory = new ToolsetDirectory(session)
        return [await directory.all(), await directory.byIds([made.id, 'no-id'])]
      })
      expect(some).toEqual([changed])
      expect(all.find(({ id }) => id === made.id)).toEqual(changed)
      await pool().tenantSession(tenantId, (session) => new ToolsetRepository(session).delete(made.id))
      expect(await kinds(tenantId)).toEqual(['toolset_created', 'toolset_updated', 'toolset_deleted'])
    })
  })
}
