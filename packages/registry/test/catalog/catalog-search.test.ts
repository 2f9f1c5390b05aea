import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { ExposedNames, MergedCatalog, CatalogSearch } from '../../src/index.ts'
import { definitionsOf } from './definitions.ts'

const searchOf = (...tools: readonly object[]): CatalogSearch => {
  const server = { serverId: 'id', slug: 'a', definitions: definitionsOf('tool', ...tools) }
  return new CatalogSearch(MergedCatalog.empty.with(server, new ExposedNames()).entries('tool'))
}

const TOOLS = searchOf(
  { name: 'createIssue', description: 'Opens a new issue in a repository.' },
  { name: 'list_issues', description: 'Lists what was reported.' },
  { name: 'read_file', title: 'Datei lesen', description: 'Reads a file of a repository.' },
  { name: 'weather', inputSchema: { type: 'object', properties: { cityName: { type: 'string' } } } },
)

describe('A search for tools', () => {
  test.each([
    ['create an issue', 'a__createIssue'],
    ['ISSUES', 'a__list_issues'],
    ['lesen', 'a__read_file'],
    ['city', 'a__weather'],
    ['repo file', 'a__read_file'],
    ['what was reported', 'a__list_issues'],
  ])('%j finds %s first', (query, expected) => {
    expect(TOOLS.find(query, 10)[0]?.exposed).toBe(expected)
  })

  test('gives no more than was asked for, the first of all without a word, and nothing that does not fit', () => {
    expect(TOOLS.find('repository', 1)).toHaveLength(1)
    expect(TOOLS.find('  ', 2).map(({ exposed }) => exposed)).toEqual(['a__createIssue', 'a__list_issues'])
    expect(TOOLS.find('zebra', 10)).toEqual([])
  })

  test('finds every tool by its own name, and gives the same for the same words in any order', () => {
    const name = fc.stringMatching(/^[a-z]{3,8}_[a-z]{3,8}$/u)
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 12 }), fc.string(), (names, noise) => {
        const search = searchOf(...names.map((each) => ({ name: each, description: noise })))
        for (const each of names) {
          const found = search.find(each, names.length).map(({ definition }) => definition.name)
          expect(found).toContain(each)
          const reversed = each.split('_').toReversed().join(' ')
          expect(search.find(reversed, names.length).map(({ definition }) => definition.name)).toEqual(found)
        }
      }),
      { numRuns: 50 },
    )
  })
})
