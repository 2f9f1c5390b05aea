import { ConflictError, ForbiddenError, NotFoundError, ValidationError } from '@mreg/core'
import { ToolsetRepository } from '@mreg/repositories'
import { describe, expect, it } from 'vitest'

import {
  ChangeFeed,
  type ToolsetChange,
  toolsetFollower,
  type ToolsetInput,
  Toolsets,
} from '../../src/index.ts'
import { makePrincipal, rejection, type RegistryPool } from '../support/open-registry.ts'

const READING: ToolsetInput = {
  slug: 'reading',
  title: 'To read',
  items: [{ namePattern: 'read_*' }, { effect: 'exclude', serverSlug: 'web' }],
}

interface OpenToolsets extends AsyncDisposable {
  readonly toolsets: Toolsets
  readonly told: ToolsetChange[]
}

const openToolsets = async (database: RegistryPool): Promise<OpenToolsets> => {
  const changes = new ChangeFeed({ database, listen: false, pollMs: 3_600_000 })
  const told: ToolsetChange[] = []
  changes.follow(toolsetFollower((change) => void told.push(change)))
  await changes.start()
  return {
    toolsets: new Toolsets({ database, changes }),
    told,
    [Symbol.asyncDispose]: () => changes[Symbol.asyncDispose](),
  }
}

const faultsOf = (error: unknown): object => {
  if (!ValidationError.is(error)) throw error
  return Object.fromEntries(error.faults.map(({ path, message }) => [path, message]))
}

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  const error = await rejection(work)
  if (!ConflictError.is(error)) throw error
  return error.code
}

export const describeToolsets = (database: () => RegistryPool): void => {
  describe('a toolset', () => {
    it('is made, shown, changed and removed, and is told of before each of these was answered', async () => {
      await using open = await openToolsets(database())
      const { toolsets, told } = open
      const principal = await makePrincipal(database())
      const made = await toolsets.create(principal, READING)
      expect(made).toMatchObject({
        slug: 'reading',
        title: 'To read',
        revision: 1,
        managedBy: 'api',
        items: [
          { effect: 'include', namePattern: 'read_*', readOnlyOnly: false },
          { effect: 'exclude', serverSlug: 'web' },
        ],
      })
      expect(told.at(-1)?.toolsets).toMatchObject([{ id: made.id, slug: 'reading', revision: 1 }])
      expect(await toolsets.get(principal, 'reading')).toEqual(made)
      const changed = await toolsets.update(principal, 'reading', { title: null, items: [{}], revision: 1 })
      expect(changed).toMatchObject({ title: undefined, revision: 2, items: [{ effect: 'include' }] })
      expect(told.at(-1)?.toolsets).toMatchObject([{ revision: 2 }])
      await toolsets.remove(principal, 'reading')
      expect(told.at(-1)).toEqual({ ids: [made.id], toolsets: [] })
      expect(await rejection(toolsets.get(principal, 'reading'))).toBeInstanceOf(NotFoundError)
    })

    it('is told with everything else to whoever begins to follow, and only its own tenant has it', async () => {
      await using open = await openToolsets(database())
      const principal = await makePrincipal(database())
      const { id } = await open.toolsets.create(principal, READING)
      await using late = await openToolsets(database())
      expect(late.told).toMatchObject([{ ids: undefined }])
      expect(late.told[0]?.toolsets.map((each) => each.id)).toContain(id)
      const other = await makePrincipal(database())
      expect(await open.toolsets.list(other, { limit: 10 })).toEqual({ items: [] })
      expect(await rejection(open.toolsets.remove(other, 'reading'))).toBeInstanceOf(NotFoundError)
    })

    it('is one of a list that comes page by page, in the order of slugs', async () => {
      await using open = await openToolsets(database())
      const principal = await makePrincipal(database())
      for (const slug of ['c', 'a', 'b']) await open.toolsets.create(principal, { ...READING, slug })
      const first = await open.toolsets.list(principal, { limit: 2 })
      expect(first.items.map(({ slug }) => slug)).toEqual(['a', 'b'])
      const second = await open.toolsets.list(principal, { limit: 2, cursor: first.nextCursor })
      expect(second).toMatchObject({ items: [{ slug: 'c' }] })
      expect(second.nextCursor).toBeUndefined()
    })

    it('is refused twice under one slug, for another revision, and where a file manages it', async () => {
      await using open = await openToolsets(database())
      const principal = await makePrincipal(database())
      await open.toolsets.create(principal, READING)
      expect(await codeOf(open.toolsets.create(principal, READING))).toBe('toolset_slug_taken')
      const late = open.toolsets.update(principal, 'reading', { title: 'late', revision: 9 })
      expect(await codeOf(late)).toBe('revision_mismatch')
      await database().tenantSession(principal.tenantId, (session) =>
        new ToolsetRepository(session).create({
          slug: 'filed',
          managedBy: 'file:team',
          items: [{ effect: 'include' }],
        }),
      )
      expect(await codeOf(open.toolsets.remove(principal, 'filed'))).toBe('managed_by_file')
    })

    it('is changed by administrators only, and seen by all', async () => {
      await using open = await openToolsets(database())
      const principal = await makePrincipal(database())
      await open.toolsets.create(principal, READING)
      const operator = { ...principal, role: 'operator' } as const
      for (const work of [
        open.toolsets.create(operator, { ...READING, slug: 'other' }),
        open.toolsets.update(operator, 'reading', {}),
        open.toolsets.remove(operator, 'reading'),
      ])
        expect(await rejection(work)).toBeInstanceOf(ForbiddenError)
      expect((await open.toolsets.list({ ...principal, role: 'readonly' }, { limit: 5 })).items).toHaveLength(
        1,
      )
    })

    it('is refused with every fault, each with its path', async () => {
      await using open = await openToolsets(database())
      const principal = await makePrincipal(database())
      const named = { serverSlug: 'web', namePattern: 'search' }
      const input = {
        slug: 'sets',
        items: [
          { namePattern: '' },
          { namePattern: 'a**b' },
          { namePattern: '*a'.repeat(11) },
          { namePattern: 'a\nb' },
          { serverSlug: 'Not A Slug' },
          { ...named, rename: 'a.b' },
          { ...named, rename: 'web__search' },
          { namePattern: 'search', rename: 'find' },
          { serverSlug: 'web', namePattern: 'search*', description: 'x' },
          { ...named, effect: 'exclude', rename: 'gone' },
          { ...named, renamed: 'x' },
        ],
      }
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- that it is none is the point
      const error = await rejection(open.toolsets.create(principal, input as ToolsetInput))
      expect(Object.keys(faultsOf(error))).toEqual(
        expect.arrayContaining([
          'slug',
          ...[0, 1, 2, 3].map((index) => `items.${index}.namePattern`),
          'items.4.serverSlug',
          ...[5, 6].map((index) => `items.${index}.rename`),
          'items.10.renamed',
        ]),
      )
      for (const [items, path] of [
        [[], 'items'],
        [[{ effect: 'exclude' }], 'items'],
        [[{ namePattern: 'search', rename: 'find' }], 'items.0.rename'],
        [[{ serverSlug: 'web', namePattern: 'search*', description: 'x' }], 'items.0.description'],
        [[{ ...named, effect: 'exclude', rename: 'gone' }, {}], 'items.0.rename'],
        [
          [
            { ...named, rename: 'find' },
            { serverSlug: 'b', namePattern: 'x', rename: 'find' },
          ],
          'items.1.rename',
        ],
      ] as const) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- that it is none is the point
        const bad = { slug: 'bad', items } as unknown as ToolsetInput
        expect(Object.keys(faultsOf(await rejection(open.toolsets.create(principal, bad))))).toEqual([path])
      }
    })
  })
}
