import { createHash } from 'node:crypto'

import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import {
  CapabilityRepository,
  type CapabilityList,
  type CapabilityVerdict,
  CatalogSnapshotRepository,
  type ChangeControl,
  ChangeRepository,
  newEntityId,
  type OfferedCapability,
  RetentionRepository,
  SnapshotRepository,
} from '../../src/index.ts'
import { makeTenant, type RegistryPool, rejection, serverNamed, withServers } from './registry.ts'

const control: ChangeControl = { onNew: 'accepted', onChange: 'changed' }

const hashOf = (body: string): string => createHash('sha256').update(body).digest('hex')

const offer = (name: string, body = `{"name":"${name}"}`): OfferedCapability => ({
  name,
  hash: hashOf(body),
  body: Buffer.from(body),
})

/** What must be true of what servers offer. */
export const describeCatalog = (pool: () => RegistryPool): void => {
  const inTenant = <T>(
    tenantId: string,
    work: (capabilities: CapabilityRepository) => Promise<T>,
  ): Promise<T> => pool().tenantSession(tenantId, (session) => work(new CapabilityRepository(session)))

  const makeList = async (tenantId: string, slug = 'one', scopeKey = ''): Promise<CapabilityList> => {
    const { id } = await withServers(pool(), tenantId, (servers) => servers.create(serverNamed(slug)))
    return { serverId: id, scopeKey, kind: 'tool' }
  }

  const statesOf = async (tenantId: string, { serverId }: CapabilityList): Promise<readonly string[]> => {
    const { items } = await inTenant(tenantId, (capabilities) =>
      capabilities.listForServer(serverId, { limit: 100 }),
    )
    return items.map(({ name, state }) => `${name} ${state}`)
  }

  const withheldOf = ({ serverId }: CapabilityList) =>
    pool().systemSession('test', async (session) => {
      const [server] = await new SnapshotRepository(session).serversByIds([serverId])
      return server?.withheld
    })

  const changes = (tenantId: string): Promise<readonly string[]> =>
    pool().systemSession('test', async (session) =>
      (await new ChangeRepository(session).since(tenantId, 0, 1_000)).map(
        ({ kind, objectId }) => `${kind} ${objectId}`,
      ),
    )

  describe('the catalog', () => {
    it('takes over what a server offers, says what is different, and changes nothing when nothing is', async () => {
      const tenantId = await makeTenant(pool())
      const list = await makeList(tenantId)
      const observe = (...offered: readonly OfferedCapability[]) =>
        inTenant(tenantId, (capabilities) => capabilities.observe(list, offered, control))

      expect(await observe(offer('a'), offer('b'))).toMatchObject({
        added: ['a', 'b'],
        changed: [],
        gone: [],
        moves: [{ name: 'a', previousHash: undefined, state: 'accepted' }, { name: 'b' }],
      })
      expect(await observe(offer('b'), offer('a'))).toEqual({
        added: [],
        changed: [],
        gone: [],
        moves: [],
        flagged: [],
      })
      expect(await observe(offer('b', 'other'), offer('c'))).toMatchObject({
        added: ['c'],
        changed: ['b'],
        gone: ['a'],
        moves: [
          { name: 'b', previousHash: offer('b').hash, observedHash: hashOf('other'), state: 'changed' },
          { name: 'c', previousHash: undefined },
        ],
      })
      expect(await statesOf(tenantId, list)).toEqual(['a gone', 'b changed', 'c accepted'])
      expect(await observe(offer('a'), offer('b'), offer('c'))).toMatchObject({ added: [], gone: [] })

      expect(await statesOf(tenantId, list)).toEqual(['a accepted', 'b accepted', 'c accepted'])
      expect(await changes(tenantId)).toEqual([
        `server_created ${list.serverId}`,
        `capabilities_updated ${list.serverId}`,
        `capabilities_updated ${list.serverId}`,
        `capabilities_updated ${list.serverId}`,
      ])
    })

    it('keeps the definition that was approved beside the one that is offered', async () => {
      const tenantId = await makeTenant(pool())
      const list = await makeList(tenantId)
      const held = { onNew: 'accepted', onChange: 'quarantined' } as const
      const stored = await inTenant(tenantId, async (capabilities) => {
        await capabilities.observe(list, [offer('a', 'good')], held)
        await capabilities.observe(list, [offer('a', 'bad')], held)
        const { items } = await capabilities.listForServer(list.serverId, { limit: 10 })
        const bodies = await capabilities.definitions([hashOf('good'), hashOf('bad'), hashOf('none')])
        return {
          items,
          bodies: new Map([...bodies].map(([hash, body]) => [hash, Buffer.from(body).toString()])),
        }
      })

      expect(stored.items).toMatchObject([
        {
          ...list,
          name: 'a',
          observedHash: hashOf('bad'),
          approvedHash: hashOf('good'),
          state: 'quarantined',
        },
      ])
      expect(stored.items[0]?.firstSeenAt).toBeInstanceOf(Date)
      expect(stored.bodies).toEqual(
        new Map([
          [hashOf('good'), 'good'],
          [hashOf('bad'), 'bad'],
        ]),
      )

      const approved = await inTenant(tenantId, (capabilities) =>
        capabilities.decide(list, 'a', { decision: 'approve', control }),
      )
      expect(approved).toMatchObject([{ approvedHash: hashOf('bad'), state: 'accepted' }])
    })

    it('leaves off what was switched off until it is switched on', async () => {
      const tenantId = await makeTenant(pool())
      const list = await makeList(tenantId)
      await inTenant(tenantId, async (capabilities) => {
        await capabilities.observe(list, [offer('a'), offer('b')], control)
        await capabilities.decide(list, 'a', { decision: 'disable', control })
        await capabilities.observe(list, [offer('a', 'new'), offer('b')], control)
        await capabilities.observe(list, [offer('b')], control)
        await capabilities.observe(list, [offer('a', 'newer'), offer('b')], control)
      })
      expect(await statesOf(tenantId, list)).toEqual(['a disabled', 'b accepted'])

      const enabled = await inTenant(tenantId, (capabilities) =>
        capabilities.decide(list, 'a', { decision: 'enable', control }),
      )
      expect(enabled).toMatchObject([{ state: 'changed', observedHash: hashOf('newer') }])
      expect(
        await inTenant(tenantId, (capabilities) =>
          capabilities.decide(list, 'none', { decision: 'enable', control }),
        ),
      ).toEqual([])
    })

    it('decides about one thing in the lists of all principals, and about the definition that was meant', async () => {
      const tenantId = await makeTenant(pool())
      const list = await makeList(tenantId)
      const held = { onNew: 'accepted', onChange: 'quarantined' } as const
      const mine = { ...list, scopeKey: 'ann' }
      await inTenant(tenantId, async (capabilities) => {
        await capabilities.observe(list, [offer('a', 'good'), offer('b')], held)
        await capabilities.observe(mine, [offer('a', 'good')], held)
        await capabilities.observe(list, [offer('a', 'bad'), offer('b')], held)
      })
      const decide = (verdict: Omit<CapabilityVerdict, 'control'>) =>
        inTenant(tenantId, (capabilities) => capabilities.decide(list, 'a', { ...verdict, control: held }))

      expect(await rejection(decide({ decision: 'approve', observedHash: hashOf('worse') }))).toMatchObject({
        code: 'definition_changed',
      })
      expect(await withheldOf(list)).toEqual([
        { kind: 'tool', name: 'a', scopeKey: '', state: 'quarantined', wasApproved: true },
      ])
      expect(await decide({ decision: 'disable' })).toMatchObject([
        { scopeKey: '', state: 'disabled' },
        { scopeKey: 'ann', state: 'disabled' },
      ])
      expect(await inTenant(tenantId, (capabilities) => capabilities.disabledIn(list.serverId))).toEqual([
        { kind: 'tool', name: 'a' },
      ])
      // What nobody has approved is not approved by being switched on.
      expect(await decide({ decision: 'enable' })).toMatchObject([
        { scopeKey: '', state: 'quarantined' },
        { scopeKey: 'ann', state: 'accepted' },
      ])
      expect(await decide({ decision: 'approve', observedHash: hashOf('bad') })).toMatchObject([
        { scopeKey: '', state: 'accepted', approvedHash: hashOf('bad') },
      ])
      expect(await withheldOf(list)).toBe(undefined)
      const count = (await changes(tenantId)).length
      await decide({ decision: 'approve', observedHash: hashOf('bad') })
      expect(await changes(tenantId)).toHaveLength(count)
    })

    it('keeps what was noticed, and finds what another server had before under a name that looks the same', async () => {
      const tenantId = await makeTenant(pool())
      const [first, second] = [await makeList(tenantId, 'first'), await makeList(tenantId, 'second')]
      const flags = [{ code: 'long_text', detail: 'description has 9000 characters' }]
      const lookAlikeKey = 'readfile'
      await inTenant(tenantId, (capabilities) =>
        capabilities.observe(first, [{ ...offer('read_file'), lookAlikeKey }], control),
      )
      await inTenant(tenantId, (capabilities) =>
        capabilities.observe(second, [{ ...offer('readFile'), flags, lookAlikeKey }], control),
      )
      const found = (list: CapabilityList, name: string) =>
        inTenant(tenantId, (capabilities) => capabilities.lookAlikes(list, new Map([[name, 'readfile']])))
      expect(await found(second, 'readFile')).toEqual(
        new Map([['readFile', [expect.objectContaining({ slug: 'first', name: 'read_file' })]]]),
      )
      // Who had it first is not the imitation; who has the very same name is none either.
      expect(await found(first, 'read_file')).toEqual(new Map())
      expect(await found(second, 'read_file')).toEqual(new Map())
      const { items } = await inTenant(tenantId, (capabilities) =>
        capabilities.listForServer(second.serverId, { limit: 10 }),
      )
      expect(items).toMatchObject([{ name: 'readFile', flags }])
    })

    it('keeps the lists of principals apart, and pages through long ones', async () => {
      const tenantId = await makeTenant(pool())
      const list = await makeList(tenantId)
      const mine = { ...list, scopeKey: 'ann' }
      const many = Array.from({ length: 25 }, (_, index) => offer(`t-${String(index).padStart(2, '0')}`))
      await inTenant(tenantId, async (capabilities) => {
        await capabilities.observe(list, many, control)
        await capabilities.observe({ ...list, kind: 'prompt' }, [offer('p')], control)
        await capabilities.observe(mine, [offer('of ann')], control)
      })

      const names: string[] = []
      let cursor: string | undefined
      do {
        const from = cursor
        // oxlint-disable-next-line no-await-in-loop -- each page starts where the one before ended
        const page = await inTenant(tenantId, (capabilities) =>
          capabilities.listForServer(list.serverId, { limit: 10, cursor: from }),
        )
        names.push(...page.items.map(({ name }) => name))
        cursor = page.nextCursor
      } while (cursor !== undefined)
      expect(names).toEqual(['p', ...many.map(({ name }) => name)])
      const ofAnn = await inTenant(tenantId, (capabilities) =>
        capabilities.listForServer(list.serverId, { limit: 10, scopeKey: 'ann' }),
      )
      expect(ofAnn.items.map(({ name }) => name)).toEqual(['of ann'])

      const snapshot = await pool().systemSession('test', async (session) => {
        const catalog = new CatalogSnapshotRepository(session)
        const found = await catalog.forServers([list.serverId, newEntityId(), 'no-id'])
        return [
          found.length,
          (
            await catalog.definitions(
              tenantId,
              found.map(({ observedHash }) => observedHash),
            )
          ).size,
        ]
      })
      expect(snapshot).toEqual([27, 27])
    })

    it(
      'takes bodies of many megabytes, and refuses servers that are not there',
      { timeout: 60_000 },
      async () => {
        const tenantId = await makeTenant(pool())
        const list = await makeList(tenantId)
        const big = Array.from({ length: 6 }, (_, index) => offer(`t${index}`, `${index}`.repeat(1_500_000)))
        await inTenant(tenantId, (capabilities) => capabilities.observe(list, big, control))
        const bodies = await inTenant(tenantId, (capabilities) =>
          capabilities.definitions(big.map(({ hash }) => hash)),
        )
        expect([...bodies.values()].map(({ byteLength }) => byteLength)).toEqual(big.map(() => 1_500_000))

        const other = await makeTenant(pool())
        const refused = await Promise.all(
          [list.serverId, newEntityId(), 'no-id'].map((serverId) =>
            rejection(
              inTenant(other, (capabilities) => capabilities.observe({ ...list, serverId }, [], control)),
            ),
          ),
        )
        expect(refused).toEqual(refused.map(() => expect.objectContaining({ code: 'server_not_found' })))
      },
    )

    it('finds servers by what they offer to everybody, each once, by status too', async () => {
      const tenantId = await makeTenant(pool())
      const lists = [
        await makeList(tenantId, 'a'),
        await makeList(tenantId, 'b'),
        await makeList(tenantId, 'c'),
      ]
      await inTenant(tenantId, async (capabilities) => {
        for (const list of lists) {
          // oxlint-disable-next-line no-await-in-loop
          await capabilities.observe(list, [offer('search'), offer(list.serverId)], control)
          // oxlint-disable-next-line no-await-in-loop
          await capabilities.observe({ ...list, kind: 'prompt' }, [offer('search')], control)
          // oxlint-disable-next-line no-await-in-loop
          await capabilities.observe({ ...list, scopeKey: 'ann' }, [offer('private')], control)
        }
        const [, , last] = lists
        if (last !== undefined) {
          await capabilities.observe(last, [], control)
          await capabilities.decide({ ...last, kind: 'prompt' }, 'search', { decision: 'disable', control })
        }
      })
      const found = await withServers(pool(), tenantId, async (servers) => {
        await servers.setStatus(lists[1]?.serverId ?? '', 'healthy')
        return [
          await servers.list({ limit: 10, capability: 'search' }),
          await servers.list({ limit: 10, capability: 'search', status: 'healthy' }),
          await servers.list({ limit: 10, capability: 'private' }),
          await servers.list({ limit: 10, capability: 'Search' }),
        ]
      })

      expect(found.map(({ items }) => items.map(({ slug }) => slug))).toEqual([['a', 'b'], ['b'], [], []])
    })

    it('forgets what has been gone for long, and definitions that nothing has any more', async () => {
      const tenantId = await makeTenant(pool())
      const list = await makeList(tenantId)
      await inTenant(tenantId, async (capabilities) => {
        await capabilities.observe(list, [offer('a'), offer('b', 'first')], control)
        await capabilities.observe(list, [offer('b', 'second')], control)
        await capabilities.observe(list, [offer('b', 'third')], control)
      })
      const forget = async (olderThan: Date): Promise<readonly string[]> => {
        await pool().systemSession('test', (session) =>
          new RetentionRepository(session).goneCapabilities(olderThan),
        )
        await inTenant(tenantId, (capabilities) => capabilities.forgetDefinitions())
        const { rows } = await pool().systemSession('test', ({ kysely }) =>
          sql<{ body: string }>`
            select convert_from(body, 'utf8') as body from definitions where tenant_id = ${tenantId} order by definitions.body
          `.execute(kysely),
        )
        return rows.map(({ body }) => body)
      }

      expect(await forget(new Date(0))).toEqual(['first', 'third', '{"name":"a"}'])
      expect(await statesOf(tenantId, list)).toEqual(['a gone', 'b changed'])
      expect(await forget(new Date(Date.now() + 86_400_000))).toEqual(['first', 'third'])
      expect(await statesOf(tenantId, list)).toEqual(['b changed'])
    })

    it('goes with its server', async () => {
      const tenantId = await makeTenant(pool())
      const list = await makeList(tenantId)
      await inTenant(tenantId, (capabilities) => capabilities.observe(list, [offer('a')], control))

      await withServers(pool(), tenantId, (servers) => servers.delete(list.serverId))

      expect(await statesOf(tenantId, list)).toEqual([])
    })
  })
}
