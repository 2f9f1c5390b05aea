import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { encodeSseComment, encodeSseEvent, SseDecoder, type SseEvent } from '../src/index.ts'
import { cuts, cutInto } from './support/chunks.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from './support/property-runs.ts'
import { textOf, utf8 } from './support/verdicts.ts'

function decode(chunks: readonly Uint8Array[]): SseEvent[] {
  const decoder = new SseDecoder({ maxEventBytes: 1_000_000 })
  const events = chunks.flatMap((chunk) => decoder.push(chunk))
  expect(decoder.hasPartialEvent).toBe(false)
  decoder.end()
  return events.map((event) => ({
    ...event,
    data: event.data === undefined ? undefined : Uint8Array.from(event.data),
  }))
}

describe('An encoded event', () => {
  test('has its fields in lines and a blank line at its end', () => {
    const encoded = encodeSseEvent({ event: 'message', id: '7', retryMs: 0, data: '{"a":"é"}' })
    expect(textOf(encoded)).toBe('event: message\nid: 7\nretry: 0\ndata: {"a":"é"}\n\n')
    expect(textOf(encodeSseEvent({ data: utf8('x') }))).toBe('data: x\n\n')
    expect(textOf(encodeSseEvent({ id: '', data: '' }))).toBe('id: \ndata: \n\n')
    expect(textOf(encodeSseEvent({ retryMs: 5 }))).toBe('retry: 5\n\n')
  })

  test.each(['a\nid: 2', 'a\rid: 2', 'a\r\nid: 2'])('S52 splits data at line ends: %j', (data) => {
    for (const form of [data, utf8(data)]) {
      expect(textOf(encodeSseEvent({ data: form }))).toBe('data: a\ndata: id: 2\n\n')
    }
  })

  test.each(['a\nb', 'a\rb', '\n', 'a\0'])('S52 cannot have the type or id %j', (value) => {
    expect(() => encodeSseEvent({ data: 'x', event: value })).toThrow(TypeError)
    expect(() => encodeSseEvent({ data: 'x', id: value })).toThrow(TypeError)
  })

  test.each([-1, 1.5, Number.NaN, Infinity])('cannot have the retry %d', (retryMs) => {
    expect(() => encodeSseEvent({ data: 'x', retryMs })).toThrow(RangeError)
  })

  const field = fc
    .string({ unit: 'grapheme', minLength: 1 })
    .filter((value) => !/[\r\n]/.test(value) && !value.includes('\0'))
  const data = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: fc.constantFrom('\n', '\r', 'a', ':', ' ', 'data: ') }),
    fc.nat({ max: 3000 }).map((length) => 'x'.repeat(length)),
  )
  const event = fc.record({
    event: fc.option(field, { nil: undefined }),
    id: fc.option(fc.oneof(field, fc.constant('')), { nil: undefined }),
    retryMs: fc.option(fc.maxSafeNat(), { nil: undefined }),
    data: fc.tuple(data, fc.boolean()).map(([text, asBytes]) => (asBytes ? utf8(text) : text)),
  })

  test(
    'is decoded to what was encoded, line ends as LF, however the stream is cut',
    () => {
      fc.assert(
        fc.property(fc.array(event, { maxLength: 4 }), cuts, (events, places) => {
          const stream = Buffer.concat(
            events.flatMap((each) => [encodeSseEvent(each), encodeSseComment('ping')]),
          )
          const expected = events.map((each) => {
            const text = typeof each.data === 'string' ? each.data : textOf(each.data)
            return { ...each, data: utf8(text.replaceAll(/\r\n?/g, '\n')) }
          })
          expect(decode(cutInto(stream, places))).toEqual(expected)
        }),
        { numRuns: propertyRuns(2000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )

  test(
    'carries any bytes without a line end unchanged',
    () => {
      fc.assert(
        fc.property(fc.uint8Array(), (bytes) => {
          const line = bytes.filter((byte) => byte !== 0x0a && byte !== 0x0d)
          expect(decode([encodeSseEvent({ data: line })])[0]?.data).toEqual(line)
        }),
        { numRuns: propertyRuns(300) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )
})

describe('An encoded comment', () => {
  test('S52 is a comment and a blank line, whatever its text', () => {
    expect(textOf(encodeSseComment('ping'))).toBe(': ping\n\n')
    expect(textOf(encodeSseComment('a\ndata: b\r\n\rid: c'))).toBe(': a\n: data: b\n: \n: id: c\n\n')
    expect(decode([encodeSseComment('a\ndata: b\r\n\rid: c')])).toEqual([])
  })
})
