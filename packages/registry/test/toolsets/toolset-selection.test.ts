import type { ToolsetItem } from '@mreg/repositories'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  type CatalogServer,
  type CatalogView,
  type Definition,
  ExposedNames,
  MergedCatalog,
  SelectedCatalog,
  toolsetInputSchema,
  toolsetSelection,
} from '../../src/index.ts'
import { definitionsOf, resources, tools } from '../catalog/definitions.ts'

const server = (
  slug: string,
  definitions: readonly Definition[],
  tags: readonly string[] = [],
): CatalogServer => ({ serverId: `id-of-${slug}`, slug, tags, definitions })

const catalogOf = (...servers: readonly CatalogServer[]): MergedCatalog => {
  const names = new ExposedNames()
  return servers.reduce((catalog, one) => catalog.with(one, names), MergedCatalog.empty)
}

const CATALOG = catalogOf(
  server('files', [...tools('read_file', 'write_file'), ...resources('file:///a')], ['local']),
  server('notes', tools('read_note', 'drop*'), ['local', 'mine']),
  server('web', tools('search', 'read_page')),
)

const select = (items: readonly ToolsetItem[], catalog: CatalogView = CATALOG): CatalogView =>
  new SelectedCatalog(catalog, toolsetSelection({ items }))

const toolsIn = (view: CatalogView): string[] => view.entries('tool').map(({ exposed }) => exposed)

const slugsIn = (items: readonly ToolsetItem[]): string[] => select(items).servers.map(({ slug }) => slug)

describe('A toolset has', () => {
  test.each<[string, ToolsetItem[], string[]]>([
    ['what a server has', [{ effect: 'include', serverSlug: 'web' }], ['web__read_page', 'web__search']],
    [
      'what servers with a tag have',
      [{ effect: 'include', tag: 'mine' }],
      ['notes__drop_', 'notes__read_note'],
    ],
    [
      'what a pattern fits, of any server',
      [{ effect: 'include', namePattern: 'read_*' }],
      ['files__read_file', 'notes__read_note', 'web__read_page'],
    ],
    [
      'what a pattern fits in the middle, and not what only begins like it',
      [{ effect: 'include', namePattern: '*ea*_*e' }],
      ['files__read_file', 'notes__read_note', 'web__read_page'],
    ],
    ['what is called so, to the letter', [{ effect: 'include', namePattern: 'Search' }], []],
    [
      'nothing that a later rule takes out again',
      [
        { effect: 'include', serverSlug: 'files' },
        { effect: 'exclude', namePattern: 'write_*' },
      ],
      ['files__read_file'],
    ],
    [
      'what a still later rule puts in again',
      [
        { effect: 'include' },
        { effect: 'exclude' },
        { effect: 'include', serverSlug: 'web', namePattern: 'search' },
      ],
      ['web__search'],
    ],
    ['nothing of a server that is not there', [{ effect: 'include', serverSlug: 'later' }], []],
    ['only what all that a rule says holds of', [{ effect: 'include', serverSlug: 'web', tag: 'mine' }], []],
  ])('%s', (_, items, expected) => {
    expect(toolsIn(select(items)).map((name) => name.replace(/_[0-9a-f]{8}$/u, ''))).toEqual(expected)
  })

  test('by the read-only hint, tools that say so, and what can only be read', () => {
    const offered = [
      ...definitionsOf(
        'tool',
        { name: 'yes', annotations: { readOnlyHint: true } },
        { name: 'no', annotations: { readOnlyHint: false } },
        { name: 'odd', annotations: { readOnlyHint: 'true' } },
        { name: 'none', annotations: null },
        { name: 'silent' },
      ),
      ...resources('file:///a'),
    ]
    const view = select([{ effect: 'include', readOnlyOnly: true }], catalogOf(server('a', offered)))
    expect(toolsIn(view)).toEqual(['a__yes'])
    expect(view.entries('resource')).toHaveLength(1)
  })

  test('names and descriptions of its own, whatever stands behind the rule that gives them', () => {
    const view = select([
      {
        effect: 'include',
        serverSlug: 'web',
        namePattern: 'search',
        rename: 'find',
        description: 'Looks "up".',
      },
      { effect: 'include', serverSlug: 'web' },
    ])
    expect(toolsIn(view)).toEqual(['find', 'web__read_page'])
    expect(view.find('tool', 'web__search')).toBeUndefined()
    const entry = view.find('tool', 'find')
    expect(entry).toMatchObject({ definition: { name: 'search' } })
    expect(JSON.parse(Buffer.from(entry?.bytes ?? []).toString())).toEqual({
      name: 'find',
      description: 'Looks "up".',
      inputSchema: { type: 'object' },
    })
  })

  test('a URI as it is, also where a rule would rename it', () => {
    const item = { serverSlug: 'files', namePattern: 'file:///a', rename: 'a', description: 'The file.' }
    const [entry] = select([{ effect: 'include', ...item }]).entries('resource')
    expect(entry?.exposed).toBe('file:///a')
    expect(JSON.parse(Buffer.from(entry?.bytes ?? []).toString())).toMatchObject({
      uri: 'file:///a',
      description: 'The file.',
    })
  })

  test('servers to miss: those that a rule includes something of', () => {
    expect(slugsIn([{ effect: 'include', serverSlug: 'web', namePattern: 'nothing' }])).toEqual(['web'])
    expect(slugsIn([{ effect: 'exclude', serverSlug: 'web' }])).toEqual([])
  })
})

describe('Whatever rules are accepted', () => {
  const serverSlug = fc.constantFrom('files', 'notes', 'web', 'later')
  const namePattern = fc.constantFrom('read_file', 'search', 'read_page', 'file:///a')
  const rule = fc.oneof(
    fc.record(
      {
        effect: fc.constantFrom('include', 'exclude'),
        serverSlug,
        tag: fc.constantFrom('local', 'mine'),
        namePattern: fc.oneof(namePattern, fc.constantFrom('read_*', '*')),
        readOnlyOnly: fc.boolean(),
      },
      { requiredKeys: ['effect'] },
    ),
    fc.record({ serverSlug, namePattern, rename: fc.constantFrom('find', 'read', 'search', 'files_search') }),
  )

  test('names in a set never meet, and each leads to what it stands for, whoever came first', () => {
    let accepted = 0
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 6 }), fc.boolean(), (items, isReversed) => {
        const parsed = toolsetInputSchema.safeParse({ slug: 'set', items })
        if (!parsed.success) return
        accepted += 1
        const servers = isReversed ? CATALOG.servers.toReversed() : CATALOG.servers
        const view = select(parsed.data.items, catalogOf(...servers))
        const names = toolsIn(view)
        expect(new Set(names).size).toBe(names.length)
        expect(names).toEqual(toolsIn(select(parsed.data.items)))
        for (const entry of view.entries('tool'))
          expect(view.find('tool', entry.exposed)?.definition).toBe(entry.definition)
      }),
      { numRuns: 300 },
    )
    expect(accepted).toBeGreaterThan(50)
  })
})
