import { SLUG_PATTERN } from '@mreg/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'

import { slugsForNames } from '../src/import/slug-for-name.ts'

const slugOf = (name: string): string | undefined => slugsForNames([name]).get(name)

test.each([
  ['github', 'github'],
  ['GitHub', 'github'],
  ['My Server', 'my-server'],
  ['Café & Co.', 'cafe-co'],
  ['io.github.acme/files', 'files'],
  ['@modelcontextprotocol/server-git', 'server-git'],
  ['a_b.c', 'a-b-c'],
])('%s becomes %s', (name, slug) => {
  expect(slugOf(name)).toBe(slug)
})

test('what is too long, empty or reserved ends with a hash of its name', () => {
  expect(slugOf('a very long name of a server')).toMatch(/^a-very-long-n-[\da-f]{6}$/u)
  expect(slugOf('服务器')).toMatch(/^server-[\da-f]{6}$/u)
  expect(slugOf('sets')).toMatch(/^sets-[\da-f]{6}$/u)
})

test('of names that come to the same, the one that is written so keeps it, in whatever order they come', () => {
  const names = ['GitHub', 'github', 'git/GITHUB']
  const slugs = slugsForNames(names)
  expect(slugs.get('github')).toBe('github')
  expect(new Set(slugs.values()).size).toBe(3)
  expect(slugsForNames(names.toReversed())).toEqual(new Map([...slugs].toReversed()))
})

test('any names give valid, different slugs', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ unit: 'grapheme' }), { maxLength: 12 }), (names) => {
      const slugs = [...slugsForNames(names).values()]
      expect(slugs.every((slug) => SLUG_PATTERN.test(slug))).toBe(true)
      expect(new Set(slugs).size).toBe(names.length)
    }),
  )
})
