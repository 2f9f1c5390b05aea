import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  type CatalogServer,
  type CatalogView,
  type Definition,
  ExposedNames,
  MergedCatalog,
  SelectedCatalog,
  type Selection,
} from '../../src/index.ts'
import { resources, templates, tools } from './definitions.ts'

const server = (slug: string, ...definitions: readonly (readonly Definition[])[]): CatalogServer => ({
  serverId: `id-of-${slug}`,
  slug,
  definitions: definitions.flat(),
})

const catalogOf = (...servers: readonly CatalogServer[]): MergedCatalog => {
  const names = new ExposedNames()
  return servers.reduce((catalog, one) => catalog.with(one, names), MergedCatalog.empty)
}

/** Shows what has one of these names; under another one where `renames` has one. */
const selection = (
  names: readonly string[],
  renames: Readonly<Record<string, string>> = {},
  slugs?: readonly string[],
): Selection => ({
  concerns: slugs && (({ slug }) => slugs.includes(slug)),
  show: (entry) =>
    names.includes(entry.definition.name)
      ? { ...entry, exposed: renames[entry.exposed] ?? entry.exposed }
      : undefined,
})

const everything = { maxEntries: 1000, maxBytes: 1_000_000 }
const slugsIn = (view: CatalogView): string[] => view.servers.map(({ slug }) => slug)
const toolsIn = (view: CatalogView): string[] => view.entries('tool').map(({ exposed }) => exposed)

const pagesOf = (view: CatalogView, maxEntries: number): string[] => {
  const seen: string[] = []
  let after: string | undefined
  do {
    const page = view.list('tool', { maxEntries, maxBytes: 1e6, after })
    seen.push(...page.entries.map(({ exposed }) => exposed))
    after = page.next
  } while (after !== undefined)
  return seen
}

const SLUGS = ['a', 'a-b', 'b']
const NAMES = ['1', '2', '3', '4', 'x.y']

describe('A selection of a catalog', () => {
  test('shows what it selects, and finds nothing else by any name', () => {
    const view = new SelectedCatalog(
      catalogOf(server('a', tools('1', '2')), server('b', tools('1', '2'))),
      selection(['2']),
    )
    expect(toolsIn(view)).toEqual(['a__2', 'b__2'])
    expect(view.find('tool', 'a__2')).toMatchObject({ server: { slug: 'a' }, definition: { name: '2' } })
    expect(view.find('tool', 'a__1')).toBeUndefined()
  })

  test('finds by its new name alone what it renames, and puts it where that name belongs', () => {
    const view = new SelectedCatalog(
      catalogOf(server('a', tools('1', '2', '3'))),
      selection(['1', '2', '3'], { a__1: 'z' }),
    )
    expect(toolsIn(view)).toEqual(['a__2', 'a__3', 'z'])
    expect(view.find('tool', 'z')).toMatchObject({ definition: { name: '1' } })
    expect(view.find('tool', 'a__1')).toBeUndefined()
  })

  test('is selected from like any other view', () => {
    const first = new SelectedCatalog(catalogOf(server('a', tools('1', '2', '3'))), selection(['1', '2']))
    const both = new SelectedCatalog(first, selection(['2', '3'], { a__2: 'two' }))
    expect(toolsIn(both)).toEqual(['two'])
    expect(both.find('tool', 'two')).toMatchObject({ definition: { name: '2' } })
    expect(both.find('tool', 'a__3')).toBeUndefined()
  })

  test('names only servers that it concerns', () => {
    const catalog = catalogOf(server('a', tools('1')), server('b', tools('1')))
    expect(slugsIn(new SelectedCatalog(catalog, selection(['1'], {}, ['b'])))).toEqual(['b'])
    expect(slugsIn(new SelectedCatalog(catalog, selection(['1'])))).toEqual(['a', 'b'])
  })

  test('pages over everything once, in one order, whatever is selected and renamed', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.constantFrom(...SLUGS), fc.constantFrom(...NAMES)), {
          selector: (pair) => pair.join(' '),
        }),
        fc.subarray(NAMES),
        fc.subarray(
          SLUGS.flatMap((slug) => NAMES.map((name) => `${slug}__${name}`)),
          { maxLength: 3 },
        ),
        fc.integer({ min: 1, max: 4 }),
        (offered, selected, renamed, maxEntries) => {
          const servers = SLUGS.map((slug) =>
            server(slug, tools(...offered.filter(([by]) => by === slug).map(([, name]) => name))),
          )
          const renames = Object.fromEntries(renamed.map((name, index) => [name, `renamed-${index}`]))
          const one = new SelectedCatalog(catalogOf(...servers), selection(selected, renames))
          const other = new SelectedCatalog(catalogOf(...servers.toReversed()), selection(selected, renames))
          const seen = pagesOf(one, maxEntries)
          expect(seen).toEqual(toolsIn(one))
          expect(new Set(seen).size).toBe(seen.length)
          expect(seen).toHaveLength(offered.filter(([, name]) => selected.includes(name)).length)
          expect(toolsIn(other)).toEqual(seen)
          for (const exposed of seen) expect(one.find('tool', exposed)?.exposed).toBe(exposed)
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('A URI outside of a selection', () => {
  const catalog = catalogOf(
    server('a', resources('note:1', 'note:2'), templates('note:{id}'), tools('1')),
    server('b', resources('note:1'), templates('page:{id}')),
  )

  test('is not found by itself, nor through a template that fits', () => {
    const view = new SelectedCatalog(catalog, selection(['note:2', 'note:{id}']))
    expect(view.findResource('note:1')).toBeUndefined()
    expect(view.findResource('note:2')).toMatchObject({ definition: { kind: 'resource' } })
    expect(view.findResource('note:3')).toMatchObject({ definition: { kind: 'resource_template' } })
  })

  test('cannot be read as something that a server spoke of', () => {
    const view = new SelectedCatalog(catalog, selection(['1', 'note:2']))
    expect(view.mayRead('a', 'unlisted:x')).toBe(true)
    expect(view.mayRead('a', 'note:2')).toBe(true)
    expect(view.mayRead('a', 'note:1')).toBe(false)
    // A template of the server is about it, and is hidden.
    expect(view.mayRead('a', 'note:3')).toBe(false)
    // Nothing of b is shown.
    expect(view.mayRead('b', 'unlisted:x')).toBe(false)
    expect(catalog.mayRead()).toBe(true)
  })

  test('is what everything is when nothing is selected', () => {
    const nothing = new SelectedCatalog(catalog, selection([]))
    expect(nothing.list('tool', everything)).toEqual({ entries: [], next: undefined })
    expect(nothing.mayRead('a', 'unlisted:x')).toBe(false)
  })
})
