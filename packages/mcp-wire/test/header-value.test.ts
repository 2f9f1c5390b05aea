import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  decodeHeaderValue,
  encodeHeaderValue,
  encodeParamHeader,
  HeaderValueError,
  paramHeaderMatches,
} from '../src/index.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from './support/property-runs.ts'

function reasonOf(raw: string): string {
  try {
    return `no error but ${decodeHeaderValue(raw)}`
  } catch (error) {
    if (!HeaderValueError.is(error)) throw error
    return error.reason
  }
}

describe('A header value (S31)', () => {
  test.each([
    'echo',
    'a b',
    'file:///x?y=1#z',
    '=?base64?',
    '?=',
    'a=?base64?YQ==?=',
    '=?base64?=',
    '=?BASE64?YQ==?=',
  ])('that is printable ASCII travels as it is: %s', (value) => {
    expect(encodeHeaderValue(value)).toBe(value)
    expect(decodeHeaderValue(value)).toBe(value)
  })

  test.each([
    ['', '=?base64??='],
    ['é', '=?base64?w6k=?='],
    [' a', '=?base64?IGE=?='],
    ['a\t', '=?base64?YQk=?='],
    ['a\nb', '=?base64?YQpi?='],
    ['=?base64?YQ==?=', '=?base64?PT9iYXNlNjQ/WVE9PT89?='],
  ])('%j travels as %s', (value, encoded) => {
    expect(encodeHeaderValue(value)).toBe(encoded)
    expect(decodeHeaderValue(encoded)).toBe(value)
  })

  test('loses the blanks that HTTP allows around it', () => {
    expect(decodeHeaderValue(' \t echo \t')).toBe('echo')
    expect(decodeHeaderValue(' =?base64?IGE=?= ')).toBe(' a')
  })

  test.each([
    '=?base64?YQ?=',
    '=?base64?YQ=?=',
    '=?base64?YQ===?=',
    '=?base64?Y Q==?=',
    '=?base64?YR==?=',
    '=?base64?_-8=?=',
  ])('with faulty base64 is refused: %s', (raw) => {
    expect(reasonOf(raw)).toBe('bad_base64')
  })

  test('with base64 that is no UTF-8 is refused', () => {
    expect(reasonOf('=?base64?/w==?=')).toBe('bad_utf8')
  })

  test.each(['é', 'a\nb', 'a\0', '\u007f', 'a\u00a0'])(
    'with a character that must be encoded is refused: %j',
    (raw) => {
      expect(reasonOf(raw)).toBe('forbidden_character')
    },
  )

  test(
    'of any text survives the way, and on it is plain',
    () => {
      const text = fc.oneof(
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: fc.constantFrom('=?base64?', '?=', ' ', '\t', '\r\n', 'a', 'YQ==', '\u007f') }),
      )
      fc.assert(
        fc.property(text, (value) => {
          const encoded = encodeHeaderValue(value)
          expect(encoded).toMatch(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/)
          expect(decodeHeaderValue(encoded)).toBe(value)
        }),
        { numRuns: propertyRuns(1000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )
})

describe('A mirrored argument', () => {
  test('travels as text, and not at all when it is no safe integer', () => {
    expect(encodeParamHeader('é')).toBe('=?base64?w6k=?=')
    expect(encodeParamHeader(42)).toBe('42')
    expect(encodeParamHeader(false)).toBe('false')
    expect(encodeParamHeader(1.5)).toBeUndefined()
    expect(encodeParamHeader(2 ** 53)).toBeUndefined()
  })

  test.each([
    ['42', 42, true],
    ['42.0', 42, true],
    ['-7', -7, true],
    ['42.5', 42, false],
    ['4 2', 42, false],
    ['0x2a', 42, false],
    ['', 0, false],
    ['9007199254740993', 9007199254740992, false],
    ['true', true, true],
    ['TRUE', true, false],
    ['1', '1', true],
    ['1.0', '1', false],
    ['=?base64?w6k=?=', 'é', true],
    ['=?base64?NDI=?=', 42, true],
    ['us-west', 'us-east', false],
  ] as const)('%s against %j: %s', (raw, argument, expected) => {
    expect(paramHeaderMatches(raw, argument)).toBe(expected)
  })

  test('with a malformed header is refused', () => {
    expect(() => paramHeaderMatches('=?base64?x?=', 'x')).toThrow(HeaderValueError)
  })
})
