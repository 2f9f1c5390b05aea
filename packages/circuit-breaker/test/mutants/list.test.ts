import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { mutants } from './list.ts'

describe('the permanent list of mutants', () => {
  it.each(mutants)('still fits the source: $fault', ({ file, find, replace }) => {
    const text = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')
    expect(text.split(find)).toHaveLength(2)
    expect(replace).not.toBe(find)
  })

  it('names each fault once', () => {
    expect(new Set(mutants.map(({ fault }) => fault)).size).toBe(mutants.length)
  })
})
