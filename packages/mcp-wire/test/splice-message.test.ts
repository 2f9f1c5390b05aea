import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { spliceMessage, type SpliceEdit } from '../src/index.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from './support/property-runs.ts'
import { textOf, utf8 } from './support/verdicts.ts'

function splice(
  text: string,
  ...edits: readonly (readonly [start: number, end: number, text: string])[]
): string {
  return textOf(
    spliceMessage(
      utf8(text),
      edits.map(([start, end, replacement]) => ({ span: { start, end }, replacement })),
    ),
  )
}

describe('Splicing', () => {
  test('replaces, inserts and deletes, in whatever order the edits come', () => {
    expect(splice('0123456789', [8, 9, ''], [0, 1, 'zero'], [5, 5, '|'], [2, 4, 'é'])).toBe('zero1é4|5679')
  })

  test('keeps the order of insertions at one place and puts them before a replacement there', () => {
    expect(splice('abc', [1, 2, 'B'], [1, 1, '1'], [1, 1, '2'])).toBe('a12Bc')
    expect(splice('abc', [3, 3, '1'], [3, 3, '2'], [0, 0, '0'])).toBe('0abc12')
  })

  test('takes bytes as well as text and leaves its input alone', () => {
    const bytes = utf8('abc')
    const spliced = spliceMessage(bytes, [{ span: { start: 0, end: 1 }, replacement: utf8('ä') }])
    expect(textOf(spliced)).toBe('äbc')
    expect(textOf(bytes)).toBe('abc')
  })

  test('gives the bytes themselves back when there is nothing to change', () => {
    const bytes = utf8('abc')
    expect(spliceMessage(bytes, [])).toBe(bytes)
  })

  test.each([
    [
      'overlap',
      [
        [0, 2, ''],
        [1, 3, ''],
      ] as const,
    ],
    [
      'lie one in the other',
      [
        [0, 3, ''],
        [1, 1, ''],
      ] as const,
    ],
    ['end outside', [[0, 4, '']] as const],
    ['end before they start', [[2, 1, '']] as const],
    ['start before the bytes', [[-1, 1, '']] as const],
    ['are no numbers', [[Number.NaN, 1, '']] as const],
  ])('refuses spans that %s', (_what, edits) => {
    expect(() => splice('abc', ...edits)).toThrow(RangeError)
  })

  test(
    'equals cutting and joining',
    () => {
      const cut = fc.tuple(
        fc.nat({ max: 5 }),
        fc.nat({ max: 5 }),
        fc.string({ unit: 'grapheme', maxLength: 4 }),
      )
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 40 }),
          fc.array(cut, { maxLength: 6 }),
          fc.boolean(),
          (bytes, cuts, flip) => {
            const edits: SpliceEdit[] = []
            const expected: number[] = []
            let at = 0
            for (const [gap, length, replacement] of cuts) {
              const start = Math.min(at + gap, bytes.length)
              const end = Math.min(start + length, bytes.length)
              // Two insertions at one place keep their order, which turning the list round would change.
              if (start === at && edits.length > 0) continue
              edits.push({ span: { start, end }, replacement })
              expected.push(...bytes.subarray(at, start), ...utf8(replacement))
              at = end
            }
            expected.push(...bytes.subarray(at))
            expect([...spliceMessage(bytes, flip ? edits.toReversed() : edits)]).toEqual(expected)
          },
        ),
        { numRuns: propertyRuns(1000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )
})
