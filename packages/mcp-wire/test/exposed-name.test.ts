import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { exposedName } from '../src/index.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from './support/property-runs.ts'

const owner = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,18}[a-z0-9])?$/)
const hashed = /_[0-9a-f]{8}$/
/** Names that servers really have, names that try to look like others, and anything at all. */
const name = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_.-]{1,60}$/),
  fc.stringMatching(/^[a-z]{0,3}_{0,2}[0-9a-f]{8}$/),
  fc.string({ unit: 'binary', maxLength: 80 }),
)

describe('An exposed name', () => {
  test('is the name behind its owner, where it can be', () => {
    expect(exposedName('github', 'create_issue')).toBe('github__create_issue')
    expect(exposedName('a', 'b'.repeat(47))).toBe(`a__${'b'.repeat(47)}`)
  })

  test.each([
    ['a character that some clients refuse', 'issues.list', /^github__issues_list_[0-9a-f]{8}$/],
    ['no character at all', '', /^github___[0-9a-f]{8}$/],
    ['letters of other alphabets', 'größe', /^github__gr__e_[0-9a-f]{8}$/],
    ['too many characters', 'x'.repeat(43), /^github__x{33}_[0-9a-f]{8}$/],
    ['an end like that of a rewritten name', 'backup_20261123', /^github__backup_20261123_[0-9a-f]{8}$/],
    ['nothing but such an end', '20261123', /^github__20261123_[0-9a-f]{8}$/],
  ])('ends in a hash for a name with %s', (_, original, expected) => {
    expect(exposedName('github', original)).toMatch(expected)
  })

  test('is the same for ever', () => {
    expect(exposedName('github', 'issues.list')).toBe('github__issues_list_acb12ba4')
  })

  test(
    'is legal for the strictest client, and begins with its owner',
    () => {
      fc.assert(
        fc.property(owner, name, fc.integer({ min: 40, max: 64 }), (by, original, maxLength) => {
          const exposed = exposedName(by, original, maxLength)
          expect(exposed).toMatch(/^[A-Za-z0-9_-]+$/)
          expect(exposed.length).toBeLessThanOrEqual(maxLength)
          expect(exposed.startsWith(`${by}__`)).toBe(true)
        }),
        { numRuns: propertyRuns(3000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )

  test(
    'belongs to one owner and one name, whoever else exists',
    () => {
      const pairs = fc.uniqueArray(fc.tuple(owner, name), {
        maxLength: 60,
        selector: (pair) => JSON.stringify(pair),
      })
      fc.assert(
        fc.property(pairs, (all) => {
          const exposed = all.map(([by, original]) => exposedName(by, original))
          // Names that were not rewritten are themselves, the others end in digits: the two never meet.
          expect(new Set(exposed).size).toBe(all.length)
          const untouched = all.filter((_, index) => !hashed.test(exposed[index]!))
          expect(untouched.map(([by, original]) => `${by}__${original}`)).toEqual(
            exposed.filter((one) => !hashed.test(one)),
          )
        }),
        { numRuns: propertyRuns(1000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )

  test.each(['', 'A', 'a_b', '-a', 'a-', 'x'.repeat(21)])('is not made for the owner "%s"', (by) => {
    expect(() => exposedName(by, 'name')).toThrow(RangeError)
  })

  test.each([39, 40.5, Number.NaN])('cannot be limited to %d characters', (maxLength) => {
    expect(() => exposedName('a', 'name', maxLength)).toThrow(/maxLength/)
  })
})
