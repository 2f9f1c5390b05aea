import type { RegisteredServer } from '@mreg/registry'
import { describe, expect, test } from 'vitest'

import { RouteTable } from '../src/index.ts'
import { Replicas } from '../src/replicas/replicas.ts'
import { registered } from './support/open-proxy.ts'

const server = (slug: string, more: Parameters<typeof registered>[1] = {}): RegisteredServer =>
  registered([`http://${slug}.example/mcp`], {
    slug,
    id: `id of ${slug}`,
    endpointIds: [`endpoint of ${slug}`],
    ...more,
  })

const complete = (...changed: readonly RegisteredServer[]) => ({ changed, removed: [], complete: true })
const partial = (...changed: readonly RegisteredServer[]) => ({ changed, removed: [], complete: false })
const removal = (...servers: readonly RegisteredServer[]) => ({
  changed: [],
  removed: servers.map(({ id, tenantId }) => ({ tenantId, serverId: id })),
  complete: false,
})

describe('the route table', () => {
  test('knows nothing until a first snapshot is loaded, also when that is empty', () => {
    const routes = new RouteTable()
    expect(routes.loaded).toBe(false)
    expect(routes.lookup('default', 'a')).toBeUndefined()
    routes.apply(complete())
    expect(routes.loaded).toBe(true)
    expect(routes.size).toBe(0)
  })

  test('finds a server by tenant and slug, with all that is needed to reach it', () => {
    const routes = new RouteTable()
    const ciphertext = Buffer.from('sealed')
    const a = server('a')
    const [endpoint] = a.endpoints
    if (endpoint === undefined) throw new Error('no endpoint')
    const secret = { id: 'secret', keyId: 'key', ciphertext }
    const sealed = { ...a, endpoints: [{ ...endpoint, secretId: 'secret', secret }] }
    routes.apply(complete(sealed, server('b', { tenantId: 'other' })))
    expect(routes.lookup('default', 'a')).toEqual({
      server: sealed,
      replicas: expect.any(Replicas),
      targets: [
        {
          endpoint: sealed.endpoints[0],
          tenantId: 'default',
          serverId: 'id of a',
          slug: 'a',
          revision: 1,
          sealedCredentials: ciphertext,
        },
      ],
    })
    expect(routes.lookup('other', 'b')?.targets[0]?.sealedCredentials).toBeUndefined()
    expect(routes.lookup('default', 'b')).toBeUndefined()
    expect(routes.lookup('other', 'a')).toBeUndefined()
    expect(routes.size).toBe(2)
  })

  test('takes partial changes: what they do not name stays', () => {
    const routes = new RouteTable()
    routes.apply(complete(server('a'), server('b')))
    expect(routes.apply(partial(server('b', { revision: 2 }), server('c')))).toEqual([])
    expect(routes.lookup('default', 'a')?.server.revision).toBe(1)
    expect(routes.lookup('default', 'b')?.server.revision).toBe(2)
    expect(routes.lookup('default', 'c')?.server.revision).toBe(1)
    expect(routes.size).toBe(3)
  })

  test('takes a complete snapshot: what it does not name is gone, with its endpoints', () => {
    const routes = new RouteTable()
    routes.apply(complete(server('a'), server('b'), server('c', { tenantId: 'other' })))
    const gone = routes.apply(complete(server('b', { revision: 2 })))
    expect(new Set(gone)).toEqual(new Set(['endpoint of a', 'endpoint of c']))
    expect(routes.lookup('default', 'a')).toBeUndefined()
    expect(routes.lookup('other', 'c')).toBeUndefined()
    expect(routes.size).toBe(1)
  })

  test('takes removals, also of what it does not know', () => {
    const routes = new RouteTable()
    const [a, b] = [server('a'), server('b')]
    routes.apply(complete(a, b))
    expect(routes.apply(removal(a, server('nobody')))).toEqual(['endpoint of a'])
    expect(routes.apply(removal(a))).toEqual([])
    expect(routes.lookup('default', 'a')).toBeUndefined()
    expect(routes.lookup('default', 'b')).toBeDefined()
  })

  test('does not remove the server of another tenant', () => {
    const routes = new RouteTable()
    const a = server('a')
    routes.apply(complete(a))
    routes.apply({ changed: [], removed: [{ tenantId: 'other', serverId: a.id }], complete: false })
    expect(routes.lookup('default', 'a')).toBeDefined()
  })

  test('gives a slug to its new server, in one change or in two', () => {
    for (const steps of ['one', 'two']) {
      const routes = new RouteTable()
      const old = server('a')
      const young = server('a', { id: 'young', endpointIds: ['endpoint of young'] })
      routes.apply(complete(old))
      const gone =
        steps === 'one'
          ? routes.apply({ ...removal(old), changed: [young] })
          : [...routes.apply(removal(old)), ...routes.apply(partial(young))]
      expect(gone).toEqual(['endpoint of a'])
      expect(routes.lookup('default', 'a')?.server.id).toBe('young')
      // The old removal, told once more, does not harm the new server.
      expect(routes.apply(removal(old))).toEqual([])
      expect(routes.lookup('default', 'a')?.server.id).toBe('young')
    }
  })

  test('says which endpoints are gone when a server has others, and not those that stay', () => {
    const routes = new RouteTable()
    routes.apply(complete(registered(['http://1/', 'http://2/'], { id: 's', endpointIds: ['one', 'two'] })))
    const next = registered(['http://2/', 'http://3/'], {
      id: 's',
      revision: 2,
      endpointIds: ['two', 'three'],
    })
    expect(routes.apply(partial(next))).toEqual(['one'])
    expect(routes.lookup('default', 'fixture')?.targets.map(({ endpoint }) => endpoint.id)).toEqual([
      'two',
      'three',
    ])
  })

  test('never changes what somebody holds', () => {
    const routes = new RouteTable()
    const a = server('a')
    routes.apply(complete(a))
    const held = routes.lookup('default', 'a')
    const copy = structuredClone(held)
    routes.apply(partial(server('a', { revision: 2, endpointIds: ['other'] })))
    routes.apply(removal(a))
    routes.apply(complete())
    expect(held).toEqual(copy)
    expect(routes.lookup('default', 'a')).toBeUndefined()
  })

  test('goes on with the endpoints that it began to list, whatever changes meanwhile', () => {
    const routes = new RouteTable()
    routes.apply(complete(server('a'), server('b'), server('c')))
    const listing = routes.targets()
    expect(listing.next().value?.slug).toBe('a')
    routes.apply(removal(server('b')))
    routes.apply(partial(server('d')))
    expect([...listing].map(({ slug }) => slug)).toEqual(['b', 'c'])
    expect([...routes.targets()].map(({ slug }) => slug)).toEqual(['a', 'c', 'd'])
  })

  test('is told the same twice without a difference', () => {
    const routes = new RouteTable()
    routes.apply(complete(server('a')))
    expect(routes.apply(partial(server('a')))).toEqual([])
    expect(routes.apply(complete(server('a')))).toEqual([])
    expect(routes.size).toBe(1)
  })
})
