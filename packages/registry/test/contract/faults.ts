import { ForbiddenError, NotFoundError, type Principal, ValidationError } from '@mreg/core'
import { describe, expect, it } from 'vitest'

import type { Registry, ServerInput } from '../../src/index.ts'
import { makePrincipal, openRegistry, rejection, type RegistryPool } from '../support/open-registry.ts'

const endpoint = { transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' } as const
const good = { slug: 'good', endpoints: [endpoint] }

/** Registers whatever it is, as a client may send it. */
const register = (registry: Registry, principal: Principal, input: unknown): Promise<unknown> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- that it is none is the point
  registry.register(principal, input as ServerInput)

const pathsOf = (error: unknown): string[] => {
  if (!ValidationError.is(error)) throw error
  return error.faults.map(({ path }) => path)
}

const withHeaders = (headers: unknown): unknown => ({ slug: 'good', endpoints: [{ ...endpoint, headers }] })
const withUrl = (url: unknown): unknown => ({ slug: 'good', endpoints: [{ ...endpoint, url }] })

export const describeFaults = (database: () => RegistryPool): void => {
  describe('bad input', () => {
    it('is refused with every fault at once, each with its path', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const error = await rejection(
        register(open.registry, principal, {
          slug: 'Not A Slug',
          title: 7,
          tags: ['', 'fine', 'x'.repeat(65)],
          visibility: 'secret',
          colour: 'red',
          endpoints: [
            { transport: 'carrier-pigeon', url: 'http://127.0.0.1:9/mcp' },
            {
              transport: 'streamable-http',
              url: 'ftp://x',
              weight: 0,
              headers: { Host: 'x', 'a b': 'y', ok: 'a\nb' },
            },
            { transport: 'streamable-http', url: 'http://user:canary@127.0.0.1/', wieght: 1 },
          ],
          settings: { toolCallTimeoutMs: 'long', color: 1 },
        }),
      )
      expect(new Set(pathsOf(error))).toEqual(
        new Set([
          'slug',
          'title',
          'tags.0',
          'tags.2',
          'visibility',
          'colour',
          'endpoints.0.transport',
          'endpoints.1.url',
          'endpoints.1.weight',
          'endpoints.1.headers.Host',
          'endpoints.1.headers.a b',
          'endpoints.1.headers.ok',
          'endpoints.2.url',
          'endpoints.2.wieght',
          'settings.toolCallTimeoutMs',
          'settings.color',
        ]),
      )
      expect(String(error)).not.toContain('canary')
      expect((await open.registry.list(principal, { limit: 10 })).items).toEqual([])
    })

    it.each<[string, unknown, string]>([
      ['nothing', undefined, ''],
      ['null', null, ''],
      ['a text', 'server', ''],
      ['a list', [good], ''],
      ['no slug', { endpoints: [endpoint] }, 'slug'],
      ['an empty slug', { ...good, slug: '' }, 'slug'],
      ['a slug that is too long', { ...good, slug: 'x'.repeat(21) }, 'slug'],
      ['a slug with a capital letter', { ...good, slug: 'Good' }, 'slug'],
      ['a slug with a line break', { ...good, slug: 'good\n' }, 'slug'],
      ['a slug that ends with a hyphen', { ...good, slug: 'good-' }, 'slug'],
      ['a reserved slug', { ...good, slug: 'sets' }, 'slug'],
      ['no endpoints', { slug: 'good' }, 'endpoints'],
      ['an empty list of endpoints', { ...good, endpoints: [] }, 'endpoints'],
      [
        'too many endpoints',
        { ...good, endpoints: Array.from({ length: 101 }, () => endpoint) },
        'endpoints',
      ],
      [
        'an endpoint without a transport',
        { ...good, endpoints: [{ url: endpoint.url }] },
        'endpoints.0.transport',
      ],
      [
        'an endpoint without a URL',
        { ...good, endpoints: [{ transport: 'streamable-http' }] },
        'endpoints.0.url',
      ],
      ['too many tags', { ...good, tags: Array.from({ length: 51 }, () => 'x') }, 'tags'],
      ['a title that is too long', { ...good, title: 'x'.repeat(201) }, 'title'],
      ['a text that the database cannot hold', { ...good, title: 'a\u0000b' }, 'title'],
      ['a time-out of nothing', { ...good, settings: { requestTimeoutMs: 0 } }, 'settings.requestTimeoutMs'],
      ['a key of another world', { ...good, managedBy: 'file:x' }, 'managedBy'],
      [
        'a weight that is no whole number',
        { ...good, endpoints: [{ ...endpoint, weight: 1.5 }] },
        'endpoints.0.weight',
      ],
      ['no URL', withUrl('not a url'), 'endpoints.0.url'],
      ['an empty URL', withUrl(''), 'endpoints.0.url'],
      ['a relative URL', withUrl('/mcp'), 'endpoints.0.url'],
      ['a URL of another scheme', withUrl('file:///etc/passwd'), 'endpoints.0.url'],
      ['a URL with a user name', withUrl('http://user@127.0.0.1/mcp'), 'endpoints.0.url'],
      ['a URL with a password', withUrl('http://:password@127.0.0.1/mcp'), 'endpoints.0.url'],
      ['a URL with a fragment', withUrl('http://127.0.0.1/mcp#part'), 'endpoints.0.url'],
      ['a URL with blanks around it', withUrl(' http://127.0.0.1/mcp'), 'endpoints.0.url'],
      ['a URL with a line break', withUrl('http://127.0.0.1/\r\nHost: x'), 'endpoints.0.url'],
      ['a URL with a NUL', withUrl('http://127.0.0.1/\u0000'), 'endpoints.0.url'],
      ['a URL that is too long', withUrl(`http://127.0.0.1/${'x'.repeat(2048)}`), 'endpoints.0.url'],
      ['headers that are a list', withHeaders(['x']), 'endpoints.0.headers'],
      ['a header that is a number', withHeaders({ 'X-Number': 7 }), 'endpoints.0.headers.X-Number'],
      ['a header with CR LF', withHeaders({ 'X-Key': 'a\r\nX-Injected: b' }), 'endpoints.0.headers.X-Key'],
      ['a header with LF at its end', withHeaders({ 'X-Key': 'a\n' }), 'endpoints.0.headers.X-Key'],
      ['a header with NUL', withHeaders({ 'X-Key': 'a\u0000' }), 'endpoints.0.headers.X-Key'],
      ['a header with letters beyond Latin-1', withHeaders({ 'X-Key': 'ключ' }), 'endpoints.0.headers.X-Key'],
      ['a header with a blank in its name', withHeaders({ 'X Key': 'a' }), 'endpoints.0.headers.X Key'],
      ['a header with CR LF in its name', withHeaders({ 'X\r\nY': 'a' }), 'endpoints.0.headers.X\r\nY'],
      ['a header without a name', withHeaders({ '': 'a' }), 'endpoints.0.headers.'],
      [
        'a header twice, in other letters',
        withHeaders({ 'X-Key': 'a', 'x-key': 'b' }),
        'endpoints.0.headers',
      ],
      ['a header that is too long', withHeaders({ 'X-Key': 'x'.repeat(8193) }), 'endpoints.0.headers.X-Key'],
    ])('is refused: %s', async (_what, input, path) => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      expect(pathsOf(await rejection(register(open.registry, principal, input)))).toEqual([path])
      expect(open.served.of(principal.tenantId)).toEqual([])
    })

    it('is refused: each header that belongs to the gateway, in any letters', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const reserved =
        'Accept ACCEPT-ENCODING connection Content-Encoding content-length Content-Type Cookie Expect HOST Keep-Alive Last-Event-ID Mcp-Method mcp-name MCP-Protocol-Version Mcp-Session-Id Mcp-Param-Region Origin Proxy-Authorization TE Trailer Transfer-Encoding Upgrade'
      for (const name of reserved.split(' ')) {
        const error = await rejection(register(open.registry, principal, withHeaders({ [name]: 'x' })))
        expect(pathsOf(error)).toEqual([`endpoints.0.headers.${name}`])
        expect(String(error)).toContain('is set by the gateway itself')
      }
    })

    it('does no harm when it holds keys that mean something to JavaScript', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const input: unknown = JSON.parse(
        '{"slug":"proto","endpoints":[{"transport":"streamable-http","url":"http://127.0.0.1:9/mcp"}],"settings":{"constructor":{"x":1}},"tags":["__proto__"]}',
      )
      expect(pathsOf(await rejection(register(open.registry, principal, input)))).toEqual([
        'settings.constructor',
      ])
      const polluting: unknown = JSON.parse('{"__proto__":{"polluted":true},"slug":"proto","endpoints":[]}')
      await rejection(register(open.registry, principal, polluting))
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    })

    it('is refused in changes as well, and nothing is changed', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      await open.registry.register(principal, good)
      const bad: object = {
        slug: 'other',
        title: 'x'.repeat(201),
        endpoints: [{ ...endpoint, url: 'nowhere' }],
        revision: 0,
      }
      const error = await rejection(open.registry.update(principal, 'good', bad))
      expect(new Set(pathsOf(error))).toEqual(new Set(['slug', 'title', 'endpoints.0.url', 'revision']))
      expect(await open.registry.get(principal, 'good')).toMatchObject({ slug: 'good', revision: 1 })
    })
  })

  describe('what is not there', () => {
    it.each([
      'nobody',
      '0190a0b0-0000-7000-8000-000000000001',
      '0190A0B0-0000-7000-8000-000000000001',
      '',
      ' ',
      '../x',
      "'; drop table servers; --",
      'x'.repeat(10_000),
      'a\u0000b',
      '%',
    ])('is not found under %j', async (idOrSlug) => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      for (const work of [
        () => open.registry.get(principal, idOrSlug),
        () => open.registry.update(principal, idOrSlug, { title: 'x' }),
        () => open.registry.remove(principal, idOrSlug),
        () => open.registry.probe(principal, idOrSlug),
      ]) {
        const error = await rejection(work())
        expect(NotFoundError.is(error) && error.code).toBe('server_not_found')
      }
    })

    it('is also what belongs to another tenant, by its slug and by its id', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const stranger = await makePrincipal(database())
      const { id } = await open.registry.register(principal, good)
      for (const idOrSlug of [id, 'good']) {
        for (const work of [
          () => open.registry.get(stranger, idOrSlug),
          () => open.registry.update(stranger, idOrSlug, { title: 'stolen' }),
          () => open.registry.remove(stranger, idOrSlug),
          () => open.registry.probe(stranger, idOrSlug),
        ]) {
          expect(NotFoundError.is(await rejection(work()))).toBe(true)
        }
      }
      expect((await open.registry.list(stranger, { limit: 10 })).items).toEqual([])
      expect(await open.registry.get(principal, id)).toMatchObject({ title: undefined, revision: 1 })
    })
  })

  describe('a role', () => {
    it.each([
      ['readonly', false],
      ['user', false],
      ['operator', true],
      ['admin', true],
    ] as const)('%s may always read, and change things: %s', async (role, mayChange) => {
      await using open = await openRegistry(database())
      const admin = await makePrincipal(database())
      const principal: Principal = { ...admin, role }
      await open.registry.register(admin, good)
      expect((await open.registry.get(principal, 'good')).slug).toBe('good')
      expect((await open.registry.list(principal, { limit: 10 })).items).toHaveLength(1)

      const outcomes = []
      for (const work of [
        () => open.registry.register(principal, { ...good, slug: 'another' }),
        () => open.registry.update(principal, 'good', { title: 'changed' }),
        () => open.registry.probe(principal, 'good'),
        () => open.registry.remove(principal, 'good'),
      ]) {
        outcomes.push(
          await work().then(
            () => true,
            (error: unknown) => (ForbiddenError.is(error) ? error.code : error),
          ),
        )
      }
      expect(outcomes).toEqual(Array.from({ length: 4 }, () => (mayChange ? true : 'role_too_low')))
      const slugs = (await open.registry.list(admin, { limit: 10 })).items.map(({ slug }) => slug)
      expect(slugs).toEqual(mayChange ? ['another'] : ['good'])
    })
  })
}
