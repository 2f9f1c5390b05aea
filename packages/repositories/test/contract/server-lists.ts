import { ValidationError } from '@mreg/core'
import { beforeAll, describe, expect, it } from 'vitest'

import type { ServerFilter } from '../../src/index.ts'
import { makeTenant, type RegistryPool, rejection, remote, serverNamed, withServers } from './registry.ts'

/** What must be true of lists of servers. */
export const describeServerLists = (pool: () => RegistryPool): void => {
  describe('a list of servers', () => {
    let tenantId = ''

    beforeAll(async () => {
      tenantId = await makeTenant(pool())
      await withServers(pool(), tenantId, async (servers) => {
        for (let index = 24; index >= 0; index -= 1) {
          // oxlint-disable-next-line no-await-in-loop -- one session runs one statement at a time
          const { id } = await servers.create(
            serverNamed(`s-${String(index).padStart(2, '0')}`, {
              title: index === 7 ? '100 % Sure_Thing \\ here' : `Number ${index}`,
              ...(index === 8 ? { description: 'Finds NEEDLES in hay' } : {}),
              tags: index % 2 === 0 ? ['even'] : ['odd', 'rare-one'],
              endpoints: index % 5 === 0 ? [remote(), { transport: 'stdio', command: 'x' }] : [remote()],
            }),
          )
          // oxlint-disable-next-line no-await-in-loop
          await (index < 3 ? servers.setStatus(id, 'healthy') : undefined)
        }
      })
      // Somebody else's are never among them.
      const other = await makeTenant(pool())
      await withServers(pool(), other, (servers) => servers.create(serverNamed('s-03', { tags: ['even'] })))
    })

    const slugsOf = (filter: ServerFilter): Promise<readonly string[]> =>
      withServers(pool(), tenantId, async (servers) => {
        const page = await servers.list({ ...filter, limit: 100 })
        return page.items.map(({ slug }) => slug)
      })

    it('gives all of them once, in the order of their slugs, page by page', async () => {
      const pages: string[][] = []
      let cursor: string | undefined
      do {
        const from = cursor
        // oxlint-disable-next-line no-await-in-loop -- each page starts where the one before ended
        const page = await withServers(pool(), tenantId, (servers) =>
          servers.list({ limit: 10, cursor: from }),
        )
        pages.push(page.items.map(({ slug }) => slug))
        cursor = page.nextCursor
      } while (cursor !== undefined)

      expect(pages.map(({ length }) => length)).toEqual([10, 10, 5])
      expect(pages.flat()).toEqual(
        Array.from({ length: 25 }, (_, index) => `s-${String(index).padStart(2, '0')}`),
      )
    })

    it('has no next page when the last one is full', async () => {
      const page = await withServers(pool(), tenantId, (servers) => servers.list({ limit: 25 }))

      expect(page.items).toHaveLength(25)
      expect(page.nextCursor).toBeUndefined()
    })

    it('goes on where it was, whatever was added or removed meanwhile', async () => {
      const tenant = await makeTenant(pool())
      await withServers(pool(), tenant, async (servers) => {
        for (const slug of ['b', 'd', 'f']) {
          // oxlint-disable-next-line no-await-in-loop
          await servers.create(serverNamed(slug))
        }
      })
      const first = await withServers(pool(), tenant, (servers) => servers.list({ limit: 2 }))
      await withServers(pool(), tenant, async (servers) => {
        await servers.create(serverNamed('a'))
        await servers.create(serverNamed('e'))
        await servers.delete(first.items[1]?.id ?? '')
      })

      const second = await withServers(pool(), tenant, (servers) =>
        servers.list({ limit: 2, cursor: first.nextCursor }),
      )

      expect(first.items.map(({ slug }) => slug)).toEqual(['b', 'd'])
      expect(second.items.map(({ slug }) => slug)).toEqual(['e', 'f'])
    })

    it.each([
      [{ status: 'healthy' }, ['s-00', 's-01', 's-02']],
      [{ transport: 'stdio' }, ['s-00', 's-05', 's-10', 's-15', 's-20']],
      [{ transport: 'sse' }, []],
      [{ tag: 'rare-one', status: 'healthy' }, ['s-01']],
      [{ tag: 'rare' }, []],
      [{ q: 'needles' }, ['s-08']],
      [{ q: 'S-1', tag: 'even' }, ['s-10', 's-12', 's-14', 's-16', 's-18']],
      [{ q: '0 %' }, ['s-07']],
      [{ q: 'e_t' }, ['s-07']],
      [{ q: '\\' }, ['s-07']],
      [{ q: "'; drop table servers; --" }, []],
    ] satisfies [ServerFilter, string[]][])(
      'S55 can be narrowed to %j, whatever it holds',
      async (filter, expected) => {
        expect(await slugsOf(filter)).toEqual(expected)
      },
    )

    it.each([0, -1, 1.5, Number.NaN, 1_001])('refuses the limit %d', async (limit) => {
      const error = await rejection(withServers(pool(), tenantId, (servers) => servers.list({ limit })))

      expect(ValidationError.is(error) && error.faults[0]?.path).toBe('limit')
    })

    it.each([
      '',
      'no-cursor',
      Buffer.from('{}').toString('base64url'),
      Buffer.from('[]').toString('base64url'),
      Buffer.from('[1]').toString('base64url'),
      Buffer.from('["a","b"]').toString('base64url'),
      Buffer.from(String.raw`["\u0000"]`).toString('base64url'),
    ])('S55 refuses the cursor %j', async (cursor) => {
      const error = await rejection(
        withServers(pool(), tenantId, (servers) => servers.list({ limit: 1, cursor })),
      )

      expect(ValidationError.is(error) && error.code).toBe('invalid_cursor')
    })

    it('gives each server with its endpoints', async () => {
      const page = await withServers(pool(), tenantId, (servers) => servers.list({ limit: 1 }))

      expect(page.items[0]?.endpoints.map(({ transport }) => transport)).toEqual(['streamable-http', 'stdio'])
    })
  })
}
