import { describe, expect, it } from 'vitest'

import { ChangeRepository, ExposedNameRepository } from '../../src/index.ts'
import { makeTenant, type RegistryPool } from './registry.ts'

/** What must be true of the names under which things are shown. */
export const describeExposedNames = (pool: () => RegistryPool): void => {
  const withNames = <T>(tenantId: string, work: (names: ExposedNameRepository) => Promise<T>): Promise<T> =>
    pool().tenantSession(tenantId, (session) => work(new ExposedNameRepository(session)))

  const changes = (tenantId: string): Promise<readonly string[]> =>
    pool().systemSession('test', async (session) =>
      (await new ChangeRepository(session).since(tenantId, 0, 1_000)).map(
        ({ kind, objectId }) => `${kind} ${objectId}`,
      ),
    )

  describe('exposed names', () => {
    it('are given once and kept for ever', async () => {
      const tenantId = await makeTenant(pool())
      const first = await withNames(tenantId, (names) =>
        names.claim(
          'tool',
          'a',
          new Map([
            ['x', 'a__x'],
            ['y', 'a__y'],
          ]),
        ),
      )
      const again = await withNames(tenantId, (names) =>
        names.claim(
          'tool',
          'a',
          new Map([
            ['x', 'something_else'],
            ['z', 'a__z'],
          ]),
        ),
      )
      const unchanged = await withNames(tenantId, (names) =>
        names.claim('tool', 'a', new Map([['x', 'a__x']])),
      )

      expect([...first]).toEqual([
        ['x', 'a__x'],
        ['y', 'a__y'],
      ])
      expect([...again]).toEqual([
        ['x', 'a__x'],
        ['z', 'a__z'],
      ])
      expect([...unchanged]).toEqual([['x', 'a__x']])
      expect(await changes(tenantId)).toEqual(['exposed_names_added a', 'exposed_names_added a'])
    })

    it('are never given to a second thing of the same kind', async () => {
      const tenantId = await makeTenant(pool())
      const uri = 'file:///shared'
      const given = await withNames(tenantId, async (names) => [
        await names.claim('resource', 'a', new Map([[uri, uri]])),
        await names.claim('resource', 'b', new Map([[uri, uri]])),
        await names.claim('resource', 'b', new Map([[uri, `b+${uri}`]])),
        await names.claim('prompt', 'b', new Map([[uri, uri]])),
      ])
      const resolved = await withNames(tenantId, (names) =>
        names.resolve('resource', [uri, `b+${uri}`, 'none']),
      )

      expect(given.map((map) => map.get(uri))).toEqual([uri, undefined, `b+${uri}`, uri])
      expect([...resolved.values()].map(({ slug, original }) => `${slug} ${original}`).toSorted()).toEqual([
        `a ${uri}`,
        `b ${uri}`,
      ])
    })

    it('are read page by page', async () => {
      const tenantId = await makeTenant(pool())
      await withNames(tenantId, async (names) => {
        await names.claim(
          'tool',
          'a',
          new Map([
            ['x', 'a__x'],
            ['y', 'a__y'],
          ]),
        )
        await names.claim('prompt', 'a', new Map([['x', 'a__x']]))
      })
      const first = await withNames(tenantId, (names) => names.list({ limit: 2 }))
      const second = await withNames(tenantId, (names) => names.list({ limit: 2, cursor: first.nextCursor }))

      expect([...first.items, ...second.items].map(({ kind, exposed }) => `${kind} ${exposed}`)).toEqual([
        'prompt a__x',
        'tool a__x',
        'tool a__y',
      ])
      expect(second.nextCursor).toBeUndefined()
    })

    it('are given to one of those who want them at the same moment', async () => {
      const tenantId = await makeTenant(pool())
      const given = await Promise.all(
        ['a', 'b', 'c', 'd'].map((slug) =>
          withNames(tenantId, (names) => names.claim('tool', slug, new Map([['x', 'the_name']]))),
        ),
      )

      expect(given.filter((map) => map.get('x') === 'the_name')).toHaveLength(1)
    })
  })
}
