import { ConflictError } from '@mreg/core'
import { freePort, startFixtureServer, startHttpUpstream, startModernServer } from '@mreg/testing'
import { describe, expect, it } from 'vitest'

import type { ServerInput } from '../../src/index.ts'
import { makePrincipal, openRegistry, rejection, type RegistryPool } from '../support/open-registry.ts'

const endpoint = { transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' } as const

export const describeRegistering = (database: () => RegistryPool): void => {
  describe('registering', () => {
    it('answers with the server, defaults filled in, and what is known of its state', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const server = await open.registry.register(principal, { slug: 'minimal', endpoints: [endpoint] })
      expect(server).toEqual({
        id: expect.stringMatching(/^[0-9a-f-]{36}$/u),
        slug: 'minimal',
        title: undefined,
        description: undefined,
        version: undefined,
        tags: [],
        visibility: 'private',
        status: 'unknown',
        settings: {},
        managedBy: 'api',
        maintenance: false,
        revision: 1,
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/u),
        updatedAt: expect.any(String),
        endpoints: [
          {
            id: expect.any(String),
            transport: 'streamable-http',
            url: 'http://127.0.0.1:9/mcp',
            command: undefined,
            args: undefined,
            cwd: undefined,
            weight: 1,
            headerNames: [],
            envNames: [],
            probe: {
              status: 'unknown',
              era: undefined,
              latencyMs: undefined,
              message: 'not probed yet',
              probedAt: undefined,
            },
          },
        ],
      })
    })

    it('keeps everything that is given', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const given: ServerInput = {
        slug: 'all-of-it-20-letters',
        title: 'Everything €',
        description: 'A description.\nWith two lines.',
        version: '1.2.3',
        tags: ['a', 'B c'],
        visibility: 'public',
        endpoints: [
          { ...endpoint, weight: 7 },
          { ...endpoint, url: 'https://example.com/mcp?x=1' },
        ],
        settings: { toolCallTimeoutMs: 1000, requestTimeoutMs: 500 },
      }
      await open.registry.register(principal, given)
      const { endpoints, ...fields } = given
      const server = await open.registry.get(principal, given.slug)
      expect(server).toMatchObject(fields)
      expect(server.endpoints).toMatchObject([endpoints[0], { ...endpoints[1], weight: 1 }])
    })

    it('is served when it has been answered', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      for (let count = 1; count <= 10; count += 1) {
        const { id } = await open.registry.register(principal, { slug: `s${count}`, endpoints: [endpoint] })
        expect(open.served.find(principal.tenantId, `s${count}`)).toMatchObject({
          id,
          endpoints: [{ url: endpoint.url }],
        })
      }
    })

    it('is served when it has been answered, also when many do so at once', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const slug = `s${index}`
          await open.registry.register(principal, { slug, endpoints: [endpoint] })
          expect(open.served.find(principal.tenantId, slug)).toBeDefined()
        }),
      )
    })

    it('refuses a slug that is taken, and leaves what is there', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      await open.registry.register(principal, { slug: 'taken', title: 'first', endpoints: [endpoint] })
      const error = await rejection(
        open.registry.register(principal, { slug: 'taken', title: 'second', endpoints: [endpoint] }),
      )
      expect(ConflictError.is(error) && error.code).toBe('server_slug_taken')
      expect((await open.registry.get(principal, 'taken')).title).toBe('first')
      const other = await makePrincipal(database())
      await open.registry.register(other, {
        slug: 'taken',
        title: 'of another tenant',
        endpoints: [endpoint],
      })
      expect((await open.registry.get(principal, 'taken')).title).toBe('first')
    })

    it('gives a slug to exactly one of those who want it at the same time', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const outcomes = await Promise.allSettled(
        Array.from({ length: 10 }, (_, index) =>
          open.registry.register(principal, { slug: 'wanted', title: `${index}`, endpoints: [endpoint] }),
        ),
      )
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect((await open.registry.list(principal, { limit: 10 })).items).toHaveLength(1)
    })

    it('gives a slug again once its server is removed', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const first = await open.registry.register(principal, { slug: 'again', endpoints: [endpoint] })
      await open.registry.remove(principal, 'again')
      expect(open.served.find(principal.tenantId, 'again')).toBeUndefined()
      const second = await open.registry.register(principal, { slug: 'again', endpoints: [endpoint] })
      expect(second.id).not.toBe(first.id)
      expect(open.served.find(principal.tenantId, 'again')?.id).toBe(second.id)
    })
  })

  describe('what a probe finds', () => {
    it.each([
      ['a server that works', () => startFixtureServer(), 'healthy', 'legacy'],
      ['a modern server that works', () => startModernServer(), 'healthy', 'modern'],
      [
        'a server that wants a login',
        () => startHttpUpstream((_request, response) => response.writeHead(401).end()),
        'needs_login',
        undefined,
      ],
      [
        'a server that fails',
        () => startHttpUpstream((_request, response) => response.writeHead(500).end()),
        'unhealthy',
        undefined,
      ],
    ] as const)('is kept and served: %s', async (_what, start, status, era) => {
      await using server = await start()
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      await open.registry.register(principal, { slug: 'real', endpoints: [{ ...endpoint, url: server.url }] })
      await expect.poll(async () => (await open.registry.get(principal, 'real')).status).toBe(status)
      const { endpoints, revision } = await open.registry.get(principal, 'real')
      expect(endpoints).toMatchObject([
        { probe: { status, era, probedAt: expect.any(String), latencyMs: expect.any(Number) } },
      ])
      // Nobody edited it.
      expect(revision).toBe(1)
      await expect.poll(() => open.served.find(principal.tenantId, 'real')?.status).toBe(status)
    })

    it('of a server that cannot be reached is that; it is registered at once all the same', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const url = `http://127.0.0.1:${await freePort()}/mcp`
      const { status } = await open.registry.register(principal, {
        slug: 'away',
        endpoints: [{ ...endpoint, url }],
      })
      expect(status).toBe('unknown')
      const probed = await open.registry.probe(principal, 'away')
      expect(probed).toMatchObject({
        status: 'unhealthy',
        endpoints: [{ probe: { status: 'unhealthy', message: 'the server refuses connections' } }],
      })
    })

    it('is found anew when somebody asks for it', async () => {
      await using server = await startHttpUpstream((_request, response) => response.writeHead(500).end())
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      await open.registry.register(principal, { slug: 'real', endpoints: [{ ...endpoint, url: server.url }] })
      expect((await open.registry.probe(principal, 'real')).status).toBe('unhealthy')
      server.answer(({ rpcId }, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ jsonrpc: '2.0', id: rpcId, result: {} }))
      })
      expect((await open.registry.probe(principal, 'real')).status).toBe('healthy')
    })

    it('of several endpoints is degraded when only some work', async () => {
      await using server = await startFixtureServer()
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const endpoints = [
        { ...endpoint, url: server.url },
        { ...endpoint, url: `http://127.0.0.1:${await freePort()}/mcp` },
      ]
      await open.registry.register(principal, { slug: 'some', endpoints })
      const probed = await open.registry.probe(principal, 'some')
      expect(probed.status).toBe('degraded')
      expect(probed.endpoints.map(({ probe }) => probe.status)).toEqual(['healthy', 'unhealthy'])
    })

    it('is about the server as it is now, also when an older probe ends later', async () => {
      await using server = await startFixtureServer()
      await using slow = await startHttpUpstream(
        (_request, response) => void setTimeout(() => response.writeHead(500).end(), 300),
      )
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      await open.registry.register(principal, { slug: 'moved', endpoints: [{ ...endpoint, url: slow.url }] })
      await expect.poll(() => slow.requests.length).toBe(1)
      await open.registry.update(principal, 'moved', { endpoints: [{ ...endpoint, url: server.url }] })
      await expect.poll(async () => (await open.registry.get(principal, 'moved')).status).toBe('healthy')
      await new Promise((resolve) => setTimeout(resolve, 800))
      expect(await open.registry.get(principal, 'moved')).toMatchObject({
        status: 'healthy',
        endpoints: [{ url: server.url, probe: { status: 'healthy' } }],
      })
    })

    it('does no harm when the server is removed meanwhile', async () => {
      await using slow = await startHttpUpstream(
        (_request, response) => void setTimeout(() => response.writeHead(500).end(), 100),
      )
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      await open.registry.register(principal, { slug: 'brief', endpoints: [{ ...endpoint, url: slow.url }] })
      await open.registry.remove(principal, 'brief')
      await new Promise((resolve) => setTimeout(resolve, 400))
      expect((await open.registry.list(principal, { limit: 10 })).items).toEqual([])
    })

    it('is cut short when the registry ends', async () => {
      await using silent = await startHttpUpstream(() => {})
      const open = await openRegistry(database())
      const principal = await makePrincipal(database())
      await open.registry.register(principal, {
        slug: 'silent',
        endpoints: [{ ...endpoint, url: silent.url }],
      })
      await expect.poll(() => silent.requests.length).toBe(1)
      await open.registry[Symbol.asyncDispose]()
      await expect.poll(() => silent.disconnects).toBe(1)
      await open[Symbol.asyncDispose]()
    })
  })
}
