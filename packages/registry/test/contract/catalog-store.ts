import { CapabilityRepository, newEntityId, ServerRepository } from '@mreg/repositories'
import { describe, expect, test } from 'vitest'

import { DatabaseCatalogStore, type Definition, ExposedNames } from '../../src/index.ts'
import { definitionsOf, resources, tools } from '../catalog/definitions.ts'
import { POLICY } from '../support/change-policy.ts'
import { makePrincipal, type RegistryPool } from '../support/open-registry.ts'

interface KnownServer {
  readonly serverId: string
  readonly slug: string
}

const namesIn = (definitions: readonly Definition[]): readonly string[] =>
  definitions.map(({ kind, name }) => `${kind} ${name}`).toSorted()

/** What servers offer, kept in the database. */
export const describeCatalogStore = (pool: () => RegistryPool): void => {
  const makeServer = async (tenantId: string, slug: string): Promise<KnownServer> => {
    const endpoints = [{ transport: 'streamable-http', url: 'http://127.0.0.1:1/mcp' }] as const
    const { id: serverId } = await pool().tenantSession(tenantId, (session) =>
      new ServerRepository(session).create({ slug, managedBy: 'api', endpoints }),
    )
    return { serverId, slug }
  }

  describe('the catalog store', () => {
    test('gives back what it was given, to the byte, with the names', async () => {
      const { tenantId } = await makePrincipal(pool())
      const store = new DatabaseCatalogStore(pool(), { changes: POLICY })
      const one = await makeServer(tenantId, 'one')
      const offer = [
        ...tools('b', 'a', 'x.y'),
        ...resources('file:///x'),
        ...definitionsOf('prompt', { name: 'p', 'x-vendor': [1, 2] }),
      ]
      const names = new ExposedNames()
      expect(await store.load(tenantId, [one.serverId])).toEqual({ names: [], offers: [] })
      expect(await store.save(tenantId, one, offer, names)).toEqual(offer)
      const kept = await store.load(tenantId, [one.serverId, newEntityId()])
      expect(namesIn(kept.offers[0]?.definitions ?? [])).toEqual(namesIn(offer))
      const bytes = kept.offers[0]?.definitions.find(({ kind }) => kind === 'prompt')?.bytes ?? []
      expect(Buffer.from(bytes).toString()).toBe('{"name":"p","x-vendor":[1,2]}')
      expect(kept.names.map(({ exposed }) => exposed).toSorted()).toEqual(
        ['file:///x', 'one__a', 'one__b', 'one__p', names.find('tool', 'one', 'x.y') ?? ''].toSorted(),
      )
      // What is not offered any more is gone, its name stays.
      await store.save(tenantId, one, tools('a'), names)
      const later = await store.load(tenantId, [one.serverId])
      expect(namesIn(later.offers[0]?.definitions ?? [])).toEqual(['tool a'])
      expect(later.names).toHaveLength(kept.names.length)
    })

    test('gives what is one principal’s to that principal alone', async () => {
      const { tenantId } = await makePrincipal(pool())
      const server = await makeServer(tenantId, 'one')
      const store = new DatabaseCatalogStore(pool(), { changes: POLICY })
      const names = new ExposedNames()
      await store.save(tenantId, { ...server, scopeKey: 'ada' }, tools('common', 'of-ada'), names)
      await store.save(tenantId, { ...server, scopeKey: 'bob' }, tools('common'), names)
      const kept = async (scopeKey: string): Promise<readonly string[] | undefined> => {
        const { definitions } = await store.loadServer(tenantId, { ...server, scopeKey }, [])
        return definitions && namesIn(definitions)
      }
      expect(await kept('ada')).toEqual(['tool common', 'tool of-ada'])
      expect(await kept('bob')).toEqual(['tool common'])
      expect(await kept('eve')).toBeUndefined()
      expect(await kept('')).toBeUndefined()
      expect((await store.load(tenantId, [server.serverId])).offers).toEqual([])
    })

    test('lets two processes that do not know of each other give each name once', async () => {
      const { tenantId } = await makePrincipal(pool())
      const [one, two] = [await makeServer(tenantId, 'one'), await makeServer(tenantId, 'two')]
      const store = new DatabaseCatalogStore(pool(), { changes: POLICY })
      const [here, elsewhere] = [new ExposedNames(), new ExposedNames()]
      await store.save(tenantId, one, resources('file:///x'), here)
      await store.save(tenantId, two, resources('file:///x'), elsewhere)
      await store.save(tenantId, two, resources('file:///x'), here)
      for (const names of [here, elsewhere])
        expect(names.find('resource', 'two', 'file:///x')).toBe('mcp.two+file:///x')
    })

    test('gives one server, and of what is known already reads nothing', async () => {
      const { tenantId } = await makePrincipal(pool())
      const [one, two] = [await makeServer(tenantId, 'one'), await makeServer(tenantId, 'two')]
      const store = new DatabaseCatalogStore(pool(), { changes: POLICY })
      const names = new ExposedNames()
      expect(await store.loadServer(tenantId, one, [])).toEqual({ names: [], definitions: undefined })
      const [known, ...others] = await store.save(tenantId, one, tools('a', 'b'), names)
      await store.save(tenantId, two, tools('c'), names)
      if (known === undefined) throw new Error('nothing was kept')

      const kept = await store.loadServer(tenantId, one, [known, ...tools('gone')])

      expect(namesIn(kept.definitions ?? [])).toEqual(['tool a', 'tool b'])
      expect(kept.definitions?.[0]?.bytes).toBe(known.bytes)
      expect(kept.definitions?.[1]?.hash).toBe(others[0]?.hash)
      expect(kept.names.map(({ exposed }) => exposed).toSorted()).toEqual(['one__a', 'one__b'])
      await store.save(tenantId, one, [], names)
      expect((await store.loadServer(tenantId, one, [])).definitions).toEqual([])
    })

    test('shows nothing that was switched off', async () => {
      const { tenantId } = await makePrincipal(pool())
      const one = await makeServer(tenantId, 'one')
      const store = new DatabaseCatalogStore(pool(), { changes: POLICY })
      const names = new ExposedNames()
      await store.save(tenantId, one, tools('a', 'b'), names)
      await pool().tenantSession(tenantId, (session) =>
        new CapabilityRepository(session).decide({ serverId: one.serverId, kind: 'tool' }, 'a', {
          decision: 'disable',
          control: { onNew: 'accepted', onChange: 'changed' },
        }),
      )
      expect(namesIn(await store.save(tenantId, one, tools('a', 'b'), names))).toEqual(['tool b'])
      const { offers } = await store.load(tenantId, [one.serverId])
      expect(namesIn(offers[0]?.definitions ?? [])).toEqual(['tool b'])
    })

    test('keeps nothing that no database could, and the rest all the same', async () => {
      const { tenantId } = await makePrincipal(pool())
      const one = await makeServer(tenantId, 'one')
      const store = new DatabaseCatalogStore(pool(), { changes: POLICY })
      const offer = tools('', 'a\0b', 'x'.repeat(2000), 'good', 'good', '\uD800')
      expect(namesIn(await store.save(tenantId, one, offer, new ExposedNames()))).toEqual(['tool good'])
    })
  })
}
