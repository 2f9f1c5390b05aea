import { ConflictError, ForbiddenError, ValidationError } from '@mreg/core'
import { describe, expect, it } from 'vitest'

import type { ServerInput } from '../../src/index.ts'
import { makePrincipal, openRegistry, rejection, type RegistryPool } from '../support/open-registry.ts'

const endpoints: ServerInput['endpoints'] = [{ transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' }]
const command: ServerInput['endpoints'] = [{ transport: 'stdio', command: 'node' }]
const page = { limit: 10 }

export const describeRegisteringMany = (database: () => RegistryPool): void => {
  describe('a registration with an idempotency key', () => {
    it('is done once, however often and by however many it is sent', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const input = {
        slug: 'once',
        endpoints: [
          {
            transport: 'streamable-http' as const,
            url: 'http://127.0.0.1:9/mcp',
            headers: { 'X-Key': 'canary' },
          },
        ],
      }
      const send = () => open.registry.register(principal, input, { idempotencyKey: 'a-1' })
      const answers = await Promise.all([send(), send(), send()])
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
      expect(JSON.parse(JSON.stringify(await send()))).toEqual(JSON.parse(JSON.stringify(answers[0])))
      expect((await open.registry.list(principal, page)).items).toHaveLength(1)
    })

    it('is refused when the key came with something else, and is one of its own for somebody else', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const key = { idempotencyKey: 'b-1' }
      await open.registry.register(principal, { slug: 'first', endpoints }, key)
      const error = await rejection(open.registry.register(principal, { slug: 'second', endpoints }, key))
      expect(ConflictError.is(error) && error.code).toBe('idempotency_key_reused')
      await open.registry.register({ ...principal, id: 'other' }, { slug: 'third', endpoints }, key)
      expect((await open.registry.list(principal, page)).items.map(({ slug }) => slug)).toEqual([
        'first',
        'third',
      ])
    })

    it('that was refused leaves its key for another try', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      await open.registry.register(principal, { slug: 'taken', endpoints })
      const send = () =>
        open.registry.register(principal, { slug: 'taken', endpoints }, { idempotencyKey: 'c-1' })
      expect(ConflictError.is(await rejection(send()))).toBe(true)
      await open.registry.remove(principal, 'taken')
      expect(await send()).toMatchObject({ slug: 'taken' })
    })

    it.each(['', 'a b', 'ä', 'x'.repeat(256)])('refuses the key %j', async (idempotencyKey) => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const work = open.registry.register(principal, { slug: 'x', endpoints }, { idempotencyKey })
      expect(ValidationError.is(await rejection(work))).toBe(true)
      expect(await open.registry.count(principal)).toMatchObject({ total: 0 })
    })
  })

  describe('servers that are registered together', () => {
    it('are all there, and are served when that has been answered', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const items = Array.from({ length: 60 }, (_, index) => ({
        slug: `server-${index}`,
        endpoints,
      }))
      const answer = await open.registry.registerMany(principal, { items })
      expect(answer).toMatchObject({ registered: 60, refused: 0 })
      expect(answer.items.map(({ slug }) => slug)).toEqual(items.map(({ slug }) => slug))
      expect(open.served.of(principal.tenantId)).toHaveLength(60)
    })

    it('are none when one of them is wrong, and every fault is named', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const items = [
        { slug: 'good', endpoints },
        { slug: 'BAD', endpoints: [] },
      ]
      const error = await rejection(open.registry.registerMany(principal, { items }))
      expect(ValidationError.is(error) && error.faults.map(({ path }) => path)).toEqual([
        'items.1.slug',
        'items.1.endpoints',
      ])
      const twice = [...items.slice(0, 1), ...items.slice(0, 1)]
      expect(ConflictError.is(await rejection(open.registry.registerMany(principal, { items: twice })))).toBe(
        true,
      )
      expect(await open.registry.count(principal)).toMatchObject({ total: 0 })
    })

    it('are every one that can be, each by itself, when that is what is wanted', async () => {
      await using open = await openRegistry(database())
      const operator = await makePrincipal(database(), 'operator')
      const items = [
        { slug: 'one', endpoints },
        { slug: 'one', endpoints },
        { slug: 'run', endpoints: command },
        { slug: '-', endpoints },
        { slug: 'two', endpoints },
      ]
      const answer = await open.registry.registerMany(operator, { mode: 'each', items })
      expect(answer).toMatchObject({
        registered: 2,
        refused: 3,
        items: [
          { slug: 'one', server: { slug: 'one' } },
          { slug: 'one', problem: { code: 'server_slug_taken' } },
          { slug: 'run', problem: { code: 'role_too_low' } },
          { slug: '-', problem: { code: 'invalid_input', faults: [{ path: 'slug' }] } },
          { slug: 'two', server: { slug: 'two' } },
        ],
      })
      expect(ForbiddenError.is(await rejection(open.registry.registerMany(operator, { items })))).toBe(true)
      expect(await open.registry.count(operator)).toMatchObject({ total: 2 })
    })

    it.each([0, 1001])('are not %i', async (count) => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const items = Array.from({ length: count }, (_, index) => ({
        slug: `s-${index}`,
        endpoints,
      }))
      expect(ValidationError.is(await rejection(open.registry.registerMany(principal, { items })))).toBe(true)
    })
  })
}
