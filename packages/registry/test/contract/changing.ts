import { ConflictError } from '@mreg/core'
import { ServerRepository } from '@mreg/repositories'
import { startModernServer } from '@mreg/testing'
import { describe, expect, it } from 'vitest'

import { makePrincipal, openRegistry, rejection, type RegistryPool } from '../support/open-registry.ts'

const endpoint = { transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' } as const

const conflictOf = async (work: Promise<unknown>): Promise<string> => {
  const error = await rejection(work)
  if (!ConflictError.is(error)) throw error
  return error.code
}

export const describeChanging = (database: () => RegistryPool): void => {
  describe('a change', () => {
    it('changes what it names, empties what is null, leaves the rest, and is served when it has been answered', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const before = await open.registry.register(principal, {
        slug: 'changed',
        title: 'before',
        description: 'stays',
        version: '1',
        tags: ['a'],
        endpoints: [endpoint],
        settings: { requestTimeoutMs: 5 },
      })
      const after = await open.registry.update(principal, before.id, {
        title: 'after',
        version: null,
        tags: [],
      })
      expect(after).toMatchObject({
        id: before.id,
        slug: 'changed',
        title: 'after',
        description: 'stays',
        version: undefined,
        tags: [],
        settings: { requestTimeoutMs: 5 },
        revision: 2,
        createdAt: before.createdAt,
      })
      expect(after.endpoints.map(({ id }) => id)).toEqual(before.endpoints.map(({ id }) => id))
      expect(open.served.find(principal.tenantId, 'changed')).toMatchObject({ title: 'after', revision: 2 })
    })

    it('takes a server out of service, which is its status whatever is found, until it is put back', async () => {
      await using server = await startModernServer()
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      await open.registry.register(principal, {
        slug: 'out',
        endpoints: [{ ...endpoint, url: server.url }],
      })

      const out = await open.registry.update(principal, 'out', { maintenance: true })
      const probed = await open.registry.probe(principal, 'out')
      const titled = await open.registry.update(principal, 'out', { title: 'still out' })

      for (const view of [out, probed, titled])
        expect(view).toMatchObject({ status: 'maintenance', maintenance: true })
      expect(probed.endpoints).toMatchObject([{ probe: { status: 'healthy' } }])
      expect(open.served.find(principal.tenantId, 'out')?.status).toBe('maintenance')
      const back = await open.registry.update(principal, 'out', { maintenance: false })
      expect(back.maintenance).toBe(false)
      expect(await open.registry.probe(principal, 'out')).toMatchObject({ status: 'healthy' })
    })

    it('of the endpoints replaces all of them; one at the same address is still the same one', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const urls = ['http://127.0.0.1:1/mcp', 'http://127.0.0.1:2/mcp', 'http://127.0.0.1:2/mcp']
      const before = await open.registry.register(principal, {
        slug: 'moved',
        endpoints: urls.map((url) => ({ ...endpoint, url })),
      })
      const [one, two, twin] = before.endpoints.map(({ id }) => id)
      const after = await open.registry.update(principal, 'moved', {
        endpoints: [
          { ...endpoint, url: 'http://127.0.0.1:3/mcp' },
          { ...endpoint, url: 'http://127.0.0.1:2/mcp', weight: 5, headers: { 'X-Key': 'new' } },
          { ...endpoint, url: 'http://127.0.0.1:2/mcp' },
        ],
      })
      expect(after.endpoints).toMatchObject([
        { url: 'http://127.0.0.1:3/mcp', weight: 1 },
        { id: two, url: 'http://127.0.0.1:2/mcp', weight: 5, headerNames: ['x-key'] },
        { id: twin, url: 'http://127.0.0.1:2/mcp', weight: 1, headerNames: [] },
      ])
      expect([one, two, twin]).not.toContain(after.endpoints[0]?.id)
      expect(open.served.find(principal.tenantId, 'moved')?.endpoints.map(({ id }) => id)).toEqual(
        after.endpoints.map(({ id }) => id),
      )
    })

    it('that was meant for another revision is refused, and nothing is changed', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      await open.registry.register(principal, { slug: 'guarded', endpoints: [endpoint] })
      await open.registry.update(principal, 'guarded', { title: 'second', revision: 1 })
      for (const revision of [1, 3, 1000]) {
        const work = open.registry.update(principal, 'guarded', { title: 'late', revision })
        expect(await conflictOf(work)).toBe('revision_mismatch')
      }
      expect(await open.registry.get(principal, 'guarded')).toMatchObject({ title: 'second', revision: 2 })
    })

    it('is made by exactly one of those who have seen the same revision', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      await open.registry.register(principal, { slug: 'raced', endpoints: [endpoint] })
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, index) =>
          open.registry.update(principal, 'raced', { title: `${index}`, revision: 1 }),
        ),
      )
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect((await open.registry.get(principal, 'raced')).revision).toBe(2)
    })

    it.each([
      ['file:servers.yaml', 'managed_by_file'],
      ['sync:official', 'managed_by_sync'],
    ])('of what %s manages is refused', async (managedBy, code) => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      await database().tenantSession(principal.tenantId, (session) =>
        new ServerRepository(session).create({ slug: 'managed', managedBy, endpoints: [endpoint] }),
      )
      expect(await conflictOf(open.registry.update(principal, 'managed', { title: 'x' }))).toBe(code)
      expect(await conflictOf(open.registry.remove(principal, 'managed'))).toBe(code)
      expect(await open.registry.get(principal, 'managed')).toMatchObject({ managedBy, revision: 1 })
    })

    it('that removes a server is served when it has been answered', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const { id } = await open.registry.register(principal, { slug: 'gone', endpoints: [endpoint] })
      await open.registry.remove(principal, id)
      expect(open.served.of(principal.tenantId)).toEqual([])
    })
  })
}
