import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { type CatalogServer, type Definition, ExposedNames, MergedCatalog } from '../../src/index.ts'
import { definitionsOf, resources, templates, tools } from './definitions.ts'

const server = (slug: string, ...definitions: readonly (readonly Definition[])[]): CatalogServer => ({
  serverId: `id-of-${slug}`,
  slug,
  definitions: definitions.flat(),
})

const catalogOf = (...servers: readonly CatalogServer[]): MergedCatalog => {
  const names = new ExposedNames()
  return servers.reduce((catalog, one) => catalog.with(one, names), MergedCatalog.empty)
}

const everything = { maxEntries: 1000, maxBytes: 1_000_000 }
const exposedIn = (
  catalog: MergedCatalog,
  kind: 'tool' | 'resource' | 'resource_template' = 'tool',
): string[] => catalog.list(kind, everything).entries.map(({ exposed }) => exposed)

describe('A merged list', () => {
  test('has what every server offers, under names that tell them apart, in one order', () => {
    const forwards = catalogOf(server('b', tools('add', 'zip')), server('a', tools('sub', 'add')))
    const backwards = catalogOf(server('a', tools('add', 'sub')), server('b', tools('zip', 'add')))
    expect(exposedIn(forwards)).toEqual(['a__add', 'a__sub', 'b__add', 'b__zip'])
    expect(exposedIn(backwards)).toEqual(exposedIn(forwards))
  })

  test('changes nothing in a definition but its name', () => {
    const [definition] = definitionsOf('tool', { title: 'Add', name: 'add', 'x-vendor': { name: 'add' } })
    if (definition === undefined) throw new Error('no definition')
    const [entry] = catalogOf(server('a', [definition])).list('tool', everything).entries
    expect(JSON.parse(Buffer.from(entry?.bytes ?? []).toString())).toEqual({
      title: 'Add',
      name: 'a__add',
      'x-vendor': { name: 'add' },
    })
  })

  test('names the page of a tool as the resource that it is', () => {
    const page = 'ui://clock/view'
    const definitions = [
      ...definitionsOf(
        'tool',
        { name: 'clock', _meta: { ui: { resourceUri: page, 'x-vendor': 1 }, 'ui/resourceUri': page } },
        { name: 'hidden', _meta: { ui: { resourceUri: 'ui://in-no-list' } } },
        { name: 'odd', _meta: { ui: { resourceUri: 1 } }, description: 'has a "resourceUri" in its text' },
      ),
      ...resources(page),
    ]
    const catalog = catalogOf(server('a', definitions), server('b', definitions))
    const metaOf = (name: string): unknown => {
      const bytes = catalog.find('tool', name)?.bytes ?? new Uint8Array()
      const { _meta: meta }: { readonly _meta: unknown } = JSON.parse(Buffer.from(bytes).toString())
      return meta
    }
    expect(metaOf('a__clock')).toEqual({
      ui: { resourceUri: page, 'x-vendor': 1 },
      'ui/resourceUri': page,
    })
    const second = exposedIn(catalog, 'resource').find((uri) => uri !== page)
    expect(metaOf('b__clock')).toEqual({
      ui: { resourceUri: second, 'x-vendor': 1 },
      'ui/resourceUri': second,
    })
    expect(metaOf('a__hidden')).toEqual({ ui: { resourceUri: 'mcp.a+ui://in-no-list' } })
    expect(metaOf('b__odd')).toEqual({ ui: { resourceUri: 1 } })
  })

  test('has once what a server names twice', () => {
    expect(exposedIn(catalogOf(server('a', tools('add', 'add'))))).toEqual(['a__add'])
  })

  test('comes page by page, by number and by size, whole and without gaps', () => {
    const catalog = catalogOf(
      server('a', tools('1', '2', '3')),
      server('b', tools('1', '2')),
      server('c', tools('1')),
    )
    for (const limit of [
      { maxEntries: 2, maxBytes: 1e6 },
      { maxEntries: 1000, maxBytes: 1 },
      { maxEntries: 1000, maxBytes: 130 },
    ]) {
      const seen: string[] = []
      let after: string | undefined
      let pages = 0
      do {
        const page = catalog.list('tool', { ...limit, after })
        expect(page.entries.length).toBeGreaterThan(0)
        seen.push(...page.entries.map(({ exposed }) => exposed))
        after = page.next
        pages += 1
      } while (after !== undefined)
      expect(seen).toEqual(exposedIn(catalog))
      expect(pages).toBeGreaterThan(1)
    }
  })

  test('goes on where it was, whatever came or went between two pages', () => {
    const names = new ExposedNames()
    const before = MergedCatalog.empty
      .with(server('b', tools('1', '2')), names)
      .with(server('d', tools('1', '2')), names)
    const { next } = before.list('tool', { ...everything, maxEntries: 1 })
    const after = before
      .with(server('a', tools('1')), names)
      .with(server('c', tools('1')), names)
      .with(server('b', tools('0', '1', '3')), names)
      .without('id-of-d')
    expect(after.list('tool', { ...everything, after: next }).entries.map(({ exposed }) => exposed)).toEqual([
      'b__3',
      'c__1',
    ])
  })

  test.each(['', ' ', 'x', 'zzz zzz', 'a  a', '\u0000'])('takes any position: %j', (after) => {
    const page = catalogOf(server('a', tools('1'))).list('tool', { ...everything, after })
    expect(page.entries.length).toBeLessThanOrEqual(1)
  })
})

describe('A name that clients use', () => {
  test('leads to the server and to what the server calls it', () => {
    const catalog = catalogOf(server('a', tools('x.y')), server('b', tools('x.y')))
    for (const { exposed, server: owner } of catalog.list('tool', everything).entries) {
      expect(catalog.find('tool', exposed)).toMatchObject({ server: owner, definition: { name: 'x.y' } })
    }
    expect(catalog.find('tool', 'x.y')).toBeUndefined()
    expect(catalog.find('prompt', 'a__x.y')).toBeUndefined()
  })

  test('is given once, and stays: whoever comes, goes, or comes in another order', () => {
    const given = new ExposedNames()
    const first = MergedCatalog.empty
      .with(server('a', resources('file:///x')), given)
      .with(server('b', resources('file:///x')), given)
    expect(exposedIn(first, 'resource')).toEqual(['file:///x', 'mcp.b+file:///x'])
    // After a restart, with what was kept, and in the other order.
    const again = new ExposedNames()
    for (const slug of ['a', 'b']) {
      const exposed = given.find('resource', slug, 'file:///x') ?? ''
      again.learn({ kind: 'resource', slug, original: 'file:///x', exposed })
    }
    const second = MergedCatalog.empty
      .with(server('b', resources('file:///x')), again)
      .with(server('a', resources('file:///x')), again)
    expect(exposedIn(second, 'resource')).toEqual(exposedIn(first, 'resource'))
    expect(exposedIn(second.without('id-of-a'), 'resource')).toEqual(['mcp.b+file:///x'])
    // The first owner is gone; its name is nobody else's for all that.
    expect(again.expose('resource', 'c', 'file:///x')).toBe('mcp.c+file:///x')
  })

  test('is never one that a server contrived to take another one’s calls', () => {
    const catalog = catalogOf(
      server('a', resources('mcp.b+file:///x'), tools('_add', 'b__add')),
      server('b', resources('file:///y'), tools('add')),
    )
    expect(exposedIn(catalog, 'resource')).toEqual(['mcp.a+mcp.b+file:///x', 'file:///y'])
    expect(catalog.find('tool', 'b__add')?.server.slug).toBe('b')
  })

  test('belongs to one definition, whatever servers offer', () => {
    const name = fc.oneof(
      fc.constantFrom('a', 'b', 'a.b', 'a_b', '__a', 'mcp.a+x:y', 'x:y'),
      fc.string({ maxLength: 60 }),
    )
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'a-b', 'b'), name), { selector: JSON.stringify }),
        (all) => {
          const servers = ['a', 'a-b', 'b'].map((slug) => {
            const own = all.filter(([by]) => by === slug).map(([, one]) => one)
            return server(slug, tools(...own), resources(...own))
          })
          const catalog = catalogOf(...servers)
          for (const kind of ['tool', 'resource'] as const) {
            const { entries } = catalog.list(kind, everything)
            expect(entries).toHaveLength(all.length)
            expect(new Set(entries.map(({ exposed }) => exposed)).size).toBe(all.length)
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('The names that clients use', () => {
  const SLUGS = ['a', 'a-b', 'b'] as const
  const name = fc.oneof(
    fc.constantFrom('a', 'a.b', 'a_b', '__a', 'b__a', 'mcp.a+x:y', 'x:y', 'X:y'),
    fc.string({ unit: 'binary', maxLength: 60 }),
  )
  /** What somebody does to a server: offers these names in this order, is removed, or has all gateways start anew. */
  const step = fc.record({
    slug: fc.constantFrom(...SLUGS),
    does: fc.constantFrom('offer', 'offer', 'offer', 'go', 'restart'),
    offered: fc.uniqueArray(name, { maxLength: 8 }),
  })

  test('are the same for ever and lead back, whoever comes, goes or is put in another order, and after a new start', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.nat(), (steps, seed) => {
        let names = new ExposedNames()
        let catalog = MergedCatalog.empty
        const given = new Map<string, string>()
        const wrong: string[] = []
        for (const { slug, does, offered } of steps) {
          if (does === 'go') catalog = catalog.without(`id-of-${slug}`)
          else if (does === 'restart') {
            const kept = [...names.all()]
            names = new ExposedNames()
            // What was recorded is read in any order.
            for (const record of kept.toSorted((one, other) =>
              (one.exposed.length + seed) % 7 < (other.exposed.length + seed) % 7 ? -1 : 1,
            ))
              names.learn(record)
            const { servers } = catalog
            catalog = servers.toReversed().reduce((all, one) => all.with(one, names), MergedCatalog.empty)
          } else catalog = catalog.with(server(slug, tools(...offered), resources(...offered)), names)

          const seen = new Set<string>()
          for (const kind of ['tool', 'resource'] as const)
            for (const { definition, exposed, server: owner } of catalog.entries(kind)) {
              const original = `${kind} ${owner.slug} ${definition.name}`
              const back = names.ownerOf(kind, exposed)
              const isRight =
                (given.get(original) ?? exposed) === exposed &&
                !seen.has(`${kind} ${exposed}`) &&
                catalog.find(kind, exposed)?.definition === definition &&
                back?.slug === owner.slug &&
                back.original === definition.name &&
                // The strictest client takes it.
                (kind === 'resource' || /^[A-Za-z0-9_-]{1,50}$/u.test(exposed))
              if (!isRight) wrong.push(`${original} is ${exposed}, and was ${given.get(original)}`)
              given.set(original, exposed)
              seen.add(`${kind} ${exposed}`)
            }
        }
        expect(wrong).toEqual([])
        // No two things ever had one name, at whatever time.
        const ever = [...given].map(([original, exposed]) => `${original.split(' ')[0]} ${exposed}`)
        expect(new Set(ever).size).toBe(given.size)
      }),
      { numRuns: 200 },
    )
  })
})

describe('A URI that a client reads', () => {
  const catalog = catalogOf(
    server('a', templates('note://{id}', 'file:///{+path}/end{?query}'), resources('note://1')),
    server('b', templates('note://{id}'), resources('plain:x')),
  )

  test.each([
    ['note://1', 'a', 'resource'],
    ['note://2', 'a', 'resource_template'],
    ['mcp.b+note://2', 'b', 'resource_template'],
    ['file:///x/y/end?query=1', 'a', 'resource_template'],
    ['plain:x', 'b', 'resource'],
  ])('%s leads to its owner', (uri, slug, kind) => {
    expect(catalog.findResource(uri)).toMatchObject({ server: { slug }, definition: { kind } })
  })

  test.each(['', 'note:/1', 'plain:y', 'file:///x', 'mcp.c+note://2'])('%j leads nowhere', (uri) => {
    expect(catalog.findResource(uri)).toBeUndefined()
  })

  test('S41 costs no more for a template that is made to be slow', () => {
    const hostile = catalogOf(server('a', templates(`x:${'{a}a'.repeat(500)}b`)))
    expect(hostile.findResource(`x:${'a'.repeat(100_000)}`)).toBeUndefined()
  })
})
