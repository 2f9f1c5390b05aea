import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { editMembers, findMember, listMembers, readValue, scanMessage, spliceMessage } from '../src/index.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from './support/property-runs.ts'
import { platformTakesForJson, textOf, utf8 } from './support/verdicts.ts'
import { hardString, repeatsKey, writeJson, type WrittenJson, writtenJson } from './support/written-json.ts'

const whole = (bytes: Uint8Array): { start: number; end: number } => ({ start: 0, end: bytes.length })

function edited(text: string, changes: Parameters<typeof editMembers>[2]): string {
  const bytes = utf8(text)
  return textOf(spliceMessage(bytes, editMembers(bytes, whole(bytes), changes)))
}

/** The keys of an object and the texts of their values, as `listMembers` finds them. */
function membersOf(text: string): string[][] {
  const bytes = utf8(text)
  return listMembers(bytes, whole(bytes)).map(({ key, valueSpan }) => {
    return [key, textOf(bytes.subarray(valueSpan.start, valueSpan.end))]
  })
}

/** The same as they were written. */
function writtenMembers(json: WrittenJson): [string, string][] {
  return json.kind === 'object' ? json.members.map(({ key, value }) => [key, writeJson(value)]) : []
}

const object = writtenJson(fc.oneof(fc.constantFrom('a', 'b', 'c', 'd', '__proto__'), hardString)).filter(
  (json) => json.kind === 'object' && !repeatsKey(json),
)

describe('Members of a scanned object', () => {
  test('are found by their decoded key, and their values can be read', () => {
    const bytes = utf8(
      String.raw`{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"n\u0061me":"x","b":[1,{}]}}}`,
    )
    const { paramsSpan } = scanMessage(bytes)
    const ref = findMember(bytes, paramsSpan!, 'ref')
    expect(readValue(bytes, ref!)).toEqual({ name: 'x', b: [1, {}] })
    expect(readValue(bytes, findMember(bytes, ref!, 'name')!)).toBe('x')
    expect(findMember(bytes, ref!, 'uri')).toBeUndefined()
  })

  test(
    'are those that were written, with the texts of their values',
    () => {
      fc.assert(
        fc.property(object, (json) => {
          expect(membersOf(writeJson(json))).toEqual(writtenMembers(json))
        }),
        { numRuns: propertyRuns(500) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )

  test('that are repeated count as JSON.parse counts them: the last one is meant', () => {
    const bytes = utf8('{"a":1,"b":2,"a":3}')
    expect(readValue(bytes, findMember(bytes, whole(bytes), 'a')!)).toBe(3)
    expect(edited('{"a":1,"b":2,"a":3}', { remove: ['a'] })).toBe('{"b":2}')
    expect(edited('{"a":1,"b":2,"a":3}', { set: [['a', '4']] })).toBe('{"a":4,"b":2,"a":4}')
  })

  test('are listed in their order', () => {
    const bytes = utf8('{ "b" : 1 , "a":{"c":2} }')
    expect(listMembers(bytes, whole(bytes)).map(({ key }) => key)).toEqual(['b', 'a'])
    expect(listMembers(utf8('{}'), { start: 0, end: 2 })).toEqual([])
  })

  test.each(['[1]', '"{}"', '{"a":1', '{"a"}', '{"a":x}', ''])('cannot be listed of %s', (text) => {
    expect(() => listMembers(utf8(text), whole(utf8(text)))).toThrow(RangeError)
  })

  test('cannot be listed with a span that ends elsewhere than the object', () => {
    expect(() => listMembers(utf8('{"a":1} '), { start: 0, end: 8 })).toThrow(RangeError)
  })
})

describe('Editing members', () => {
  test.each([
    ['{}', { set: [['a', '1']] }, '{"a":1}'],
    [
      '{ }',
      {
        set: [
          ['a', '1'],
          ['b', '2'],
        ],
      },
      '{ "a":1,"b":2}',
    ],
    ['{"a":1}', { set: [['b', '2']] }, '{"a":1,"b":2}'],
    ['{"a": 1, "b":2}', { set: [['a', '{}']] }, '{"a": {}, "b":2}'],
    ['{"a":1, "b":2, "c":3}', { remove: ['a'] }, '{"b":2, "c":3}'],
    ['{"a":1, "b":2, "c":3}', { remove: ['b'] }, '{"a":1, "c":3}'],
    ['{"a":1, "b":2, "c":3}', { remove: ['c', 'x'] }, '{"a":1, "b":2}'],
    ['{"a":1, "b":2, "c":3}', { remove: ['a', 'b', 'c'] }, '{}'],
    ['{"a":1, "b":2, "c":3}', { remove: ['a', 'b', 'c'], set: [['d', '4']] }, '{"d":4}'],
    ['{"a":1}', { remove: ['a'], set: [['a', '2']] }, '{"a":2}'],
    ['{"a":1}', {}, '{"a":1}'],
  ] as const)('turns %s with %o into %s', (text, changes, expected) => {
    expect(edited(text, changes)).toBe(expected)
  })

  test(
    'keeps the order, replaces in place, adds at the end, and touches nothing else',
    () => {
      const keys = fc.uniqueArray(fc.constantFrom<string[]>('a', 'b', 'c', 'd', 'e', '__proto__'))
      const values = fc.uniqueArray(
        fc.tuple(
          fc.constantFrom<string[]>('a', 'c', 'e', 'é', '__proto__'),
          fc.jsonValue().map((value) => JSON.stringify(value)),
        ),
        { selector: ([key]) => key },
      )
      fc.assert(
        fc.property(object, keys, values, (json, remove, set) => {
          const replacements = new Map(set)
          const dropped = new Set(remove.filter((key) => !replacements.has(key)))
          const kept = writtenMembers(json)
            .filter(([key]) => !dropped.has(key))
            .map(([key, text]) => [key, replacements.get(key) ?? text])
          const added = set.filter(([key]) => kept.every(([keptKey]) => keptKey !== key))
          const result = edited(writeJson(json), { remove, set })
          expect(platformTakesForJson(utf8(result))).toBe(true)
          expect(membersOf(result)).toEqual([...kept, ...added])
        }),
        { numRuns: propertyRuns(1000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )
})
