import { ValidationError } from '@mreg/core'
import { describe, expect, it } from 'vitest'

import { makePrincipal, openRegistry, rejection, type RegistryPool } from '../support/open-registry.ts'

const endpoint = { transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' } as const

export const describeListing = (database: () => RegistryPool): void => {
  describe('a list', () => {
    it('gives every server exactly once, page by page, in the order of slugs', async () => {
      await using open = await openRegistry(database(), { checker: () => Promise.resolve() })
      const principal = await makePrincipal(database())
      const slugs = Array.from({ length: 11 }, (_, index) => `s${String(index).padStart(2, '0')}`)
      for (const slug of slugs.toReversed()) {
        await open.registry.register(principal, { slug, endpoints: [endpoint] })
      }
      for (const limit of [1, 5, 10, 11, 12]) {
        const found: string[] = []
        let cursor: string | undefined
        do {
          const page = await open.registry.list(principal, { limit, cursor })
          expect(page.items.length).toBeLessThanOrEqual(limit)
          found.push(...page.items.map(({ slug }) => slug))
          cursor = page.nextCursor
        } while (cursor !== undefined)
        expect(found).toEqual(slugs)
      }
      expect(await open.registry.list(principal, { limit: 11 })).not.toHaveProperty('nextCursor')
    })

    it('can be narrowed by text, tag, transport and status', async () => {
      await using open = await openRegistry(database(), { checker: () => Promise.resolve() })
      const principal = await makePrincipal(database())
      await open.registry.register(principal, {
        slug: 'a',
        title: 'Weather',
        tags: ['x'],
        endpoints: [endpoint],
      })
      await open.registry.register(principal, {
        slug: 'b',
        description: 'weather too',
        endpoints: [endpoint],
      })
      await open.registry.register(principal, { slug: 'c', tags: ['x', 'y'], endpoints: [endpoint] })
      const slugs = async (query: object): Promise<string[]> =>
        (await open.registry.list(principal, { limit: 10, ...query })).items.map(({ slug }) => slug)
      expect(await slugs({ q: 'WEATHER' })).toEqual(['a', 'b'])
      expect(await slugs({ tag: 'x' })).toEqual(['a', 'c'])
      expect(await slugs({ tag: 'x', q: 'weather' })).toEqual(['a'])
      expect(await slugs({ transport: 'streamable-http' })).toEqual(['a', 'b', 'c'])
      expect(await slugs({ transport: 'stdio' })).toEqual([])
      expect(await slugs({ status: 'unknown' })).toEqual(['a', 'b', 'c'])
      expect(await slugs({ status: 'healthy' })).toEqual([])
      expect(await slugs({ q: '%' })).toEqual([])
    })

    it.each([
      { limit: 0 },
      { limit: 1.5 },
      { limit: 100_000 },
      { limit: 1, cursor: 'not one' },
      { limit: 1, cursor: '' },
      { limit: 1, cursor: Buffer.from('["\\u0000"]').toString('base64url') },
      { limit: 1, q: '\u0000' },
    ])('is refused for %j', async (query) => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      expect(ValidationError.is(await rejection(open.registry.list(principal, query)))).toBe(true)
    })
  })
}
