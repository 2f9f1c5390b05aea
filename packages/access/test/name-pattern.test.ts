import { describe, expect, it } from 'vitest'

import { matchesPattern } from '../src/rules/name-pattern.ts'

describe('a pattern of names', () => {
  it.each([
    ['echo', 'echo', true],
    ['echo', 'echo2', false],
    ['*', '', true],
    ['*', 'anything/at all', true],
    ['get_*', 'get_', true],
    ['get_*', 'forget_it', false],
    ['*_get', 'to_get', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['**', 'x', true],
    ['.*', 'x', false],
    ['[a-z]+', 'x', false],
    ['É*', 'École', true],
  ])('%j and %j: %s', (pattern, name, matches) => {
    expect(matchesPattern(pattern, name)).toBe(matches)
  })

  it('agrees with a regular expression of the same meaning, whatever the two are', () => {
    const letters = ['a', 'b', '*']
    const words = (length: number): string[] =>
      length === 0
        ? ['']
        : words(length - 1).flatMap((word) => [word, ...letters.map((letter) => word + letter)])
    const names = [...new Set(words(4))].filter((name) => !name.includes('*'))
    for (const pattern of new Set(words(4))) {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 'u')
      for (const name of names)
        expect(matchesPattern(pattern, name), `${pattern} ${name}`).toBe(expression.test(name))
    }
  })

  it('S41 takes no time to speak of for what makes others think long', () => {
    expect(matchesPattern(`${'*a'.repeat(100)}b`, 'a'.repeat(100_000))).toBe(false)
  })
})
