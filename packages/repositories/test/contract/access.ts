import { describe, expect, it } from 'vitest'

import {
  ApiKeyDirectory,
  ApiKeyRepository,
  type AuditEvent,
  AuditEventRepository,
  ChangeRepository,
  IdempotencyKeyRepository,
  newEntityId,
  PolicyDirectory,
  PolicyRepository,
  timeOfEntityId,
  ToolsetDirectory,
  ToolsetRepository,
} from '../../src/index.ts'
import { newKey } from './full-tenant.ts'
import { makeTenant, type RegistryPool, rejection } from './registry.ts'

/** Something that somebody did. */
const event = (more: Partial<AuditEvent> = {}): AuditEvent => ({
  id: newEntityId(),
  principalId: 'ann',
  action: 'tool.call',
  objectId: 'server',
  outcome: 'success',
  requestId: 'request',
  details: { tool: 'echo' },
  ...more,
})
/** An id as it is made at a time. */
const idAt = (milliseconds: number): string =>
  `${milliseconds
    .toString(16)
    .padStart(12, '0')
    .replace(/^(.{8})/u, '$1-')}-7000-8000-${newEntityId().slice(-12)}`
/** What must be true of keys, policies, toolsets, audit and keys of requests. */
export const describeAccess = (pool: () => RegistryPool): void => {
  const withKeys = <T>(tenantId: string, work: (keys: ApiKeyRepository) => Promise<T>): Promise<T> =>
    pool().tenantSession(tenantId, (session) => work(new ApiKeyRepository(session)))

  const inDirectory = <T>(work: (keys: ApiKeyDirectory) => Promise<T>): Promise<T> =>
    pool().systemSession('test', (session) => work(new ApiKeyDirectory(session)))

  const kinds = (tenantId: string): Promise<readonly string[]> =>
    pool().systemSession('test', async (session) =>
      (await new ChangeRepository(session).since(tenantId, 0, 1_000)).map(({ kind }) => kind),
    )

  const withEvents = <T>(tenantId: string, work: (events: AuditEventRepository) => Promise<T>): Promise<T> =>
    pool().tenantSession(tenantId, (session) => work(new AuditEventRepository(session)))

  const withRequests = <T>(
    tenantId: string,
    work: (requests: IdempotencyKeyRepository) => Promise<T>,
  ): Promise<T> => pool().tenantSession(tenantId, (session) => work(new IdempotencyKeyRepository(session)))

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

  describe('audit events', () => {
    it('are kept once, however often they are added', async () => {
      const tenantId = await makeTenant(pool())
      const one = event()
      const other = event({ objectId: undefined, requestId: undefined })
      const added = [
        await withEvents(tenantId, (events) => events.append([one])),
        await withEvents(tenantId, (events) => events.append([one, other, other])),
        await withEvents(tenantId, (events) => events.append([])),
      ]
      const { items } = await withEvents(tenantId, (events) => events.list({ limit: 10 }))

      expect(added).toEqual([1, 1, 0])
      expect(items.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
        [one, other]
          .toSorted((a, b) => (a.id < b.id ? -1 : 1))
          .map((each) => ({ ...each, occurredAt: timeOfEntityId(each.id) })),
      )
      expect(await kinds(tenantId)).toEqual([])
      const malformed = withEvents(tenantId, (events) => events.append([event({ id: 'no-id' })]))
      expect(await rejection(malformed)).toBeInstanceOf(RangeError)
    })

    it('are listed newest first, by whatever is asked for', async () => {
      const tenantId = await makeTenant(pool())
      const start = Date.UTC(2026, 0, 1)
      const made = Array.from({ length: 12 }, (_, index) =>
        event({
          id: idAt(start + index * 1000),
          principalId: index % 2 === 0 ? 'ann' : 'bob',
          action: index % 3 === 0 ? 'server.delete' : 'tool.call',
          objectId: `object-${index % 4}`,
        }),
      )
      await withEvents(tenantId, (events) => events.append(made))
      const which = async (filter: object): Promise<readonly number[]> => {
        const seen: string[] = []
        let cursor: string | undefined
        do {
          const from = cursor
          // oxlint-disable-next-line no-await-in-loop
          const page = await withEvents(tenantId, (events) =>
            events.list({ ...filter, limit: 5, cursor: from }),
          )
          seen.push(...page.items.map(({ id }) => id))
          cursor = page.nextCursor
        } while (cursor !== undefined)
        return seen.map((id) => made.findIndex((each) => each.id === id))
      }

      expect(await which({})).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
      expect(await which({ principalId: 'bob' })).toEqual([11, 9, 7, 5, 3, 1])
      expect(await which({ action: 'server.delete', principalId: 'ann' })).toEqual([6, 0])
      expect(await which({ objectId: 'object-3' })).toEqual([11, 7, 3])
      const [from, until] = [new Date(start + 3000), new Date(start + 6000)]
      expect(await which({ from, until })).toEqual([5, 4, 3])
    })
  })

  describe('a request with an idempotency key', () => {
    const once = { principalId: 'ann', key: 'once' }
    it('is done once, and answered alike ever after', async () => {
      const tenantId = await makeTenant(pool())
      const answer = { status: 201, body: { words: 'with ✓' } }
      const claims = [
        await withRequests(tenantId, async (requests) => {
          const claim = await requests.begin(once, 'POST a')
          await requests.complete(once, answer)
          return claim
        }),
        await withRequests(tenantId, (requests) => requests.begin(once, 'POST a')),
        await withRequests(tenantId, (requests) => requests.begin(once, 'POST b')),
        await withRequests(tenantId, (requests) => requests.begin({ ...once, principalId: 'bob' }, 'POST b')),
      ]

      expect(claims).toEqual([
        { kind: 'new' },
        { kind: 'answered', answer },
        { kind: 'other' },
        { kind: 'new' },
      ])
    })

    it('is new again when the work was rolled back', async () => {
      const tenantId = await makeTenant(pool())
      await rejection(
        withRequests(tenantId, async (requests) => {
          await requests.begin(once, 'POST a')
          throw new Error('mine')
        }),
      )

      expect(await withRequests(tenantId, (requests) => requests.begin(once, 'POST a'))).toEqual({
        kind: 'new',
      })
    })

    it('is done by one of those that come at the same moment', async () => {
      const tenantId = await makeTenant(pool())
      const claims = await Promise.all(
        Array.from({ length: 5 }, (_, index) =>
          withRequests(tenantId, async (requests) => {
            const claim = await requests.begin(once, 'POST a')
            if (claim.kind === 'new') await requests.complete(once, index)
            return claim
          }),
        ),
      )

      const winner = claims.findIndex(({ kind }) => kind === 'new')
      expect(claims.filter((_, index) => index !== winner)).toEqual(
        Array.from({ length: 4 }, () => ({ kind: 'answered', answer: winner })),
      )
    })
  })
}
