import { describe, expect, it } from 'vitest'

import { cacheKey } from '../src/index.ts'

describe('cacheKey', () => {
  it('joins its parts legibly', () => {
    expect(cacheKey('session', 'ann', 42)).toBe('session:ann:42')
  })

  it('never makes one key of two lists of parts', () => {
    const lists = [
      ['a', 'b'],
      ['a:b'],
      ['a', '', 'b'],
      ['a', 'b', ''],
      ['a%3Ab'],
      ['ab'],
      ['a', 'B'],
      [''],
      ['', ''],
      ['ä'],
      ['a\u0308'],
      ['x'.repeat(512)],
      ['x'.repeat(513)],
      ['x'.repeat(514)],
      ['x'.repeat(2000), 'y'],
      ['x'.repeat(2000), 'z'],
    ]
    expect(new Set(lists.map((parts) => cacheKey(...parts))).size).toBe(lists.length)
  })

  it('makes keys that a cache takes, of anything', () => {
    for (const part of ['', 'x'.repeat(10_000), '\uD800', 'ä'.repeat(200), '\0']) {
      expect(cacheKey(part)).toMatch(/^[\u0021-\u007E]{1,512}$/u)
    }
  })

  it('needs a part', () => {
    expect(() => cacheKey()).toThrow(RangeError)
  })
})
