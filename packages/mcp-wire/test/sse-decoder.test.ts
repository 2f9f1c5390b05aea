import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { SseDecoder, SseEventTooLargeError, type SseEvent } from '../src/index.ts'
import { cuts, cutInto } from './support/chunks.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from './support/property-runs.ts'
import { referenceEvents } from './support/reference-sse.ts'
import { utf8 } from './support/verdicts.ts'

function decode(...chunks: readonly (string | Uint8Array)[]): SseEvent[] {
  const decoder = new SseDecoder({ maxEventBytes: 1_000_000 })
  const events = chunks.flatMap((chunk) => decoder.push(typeof chunk === 'string' ? utf8(chunk) : chunk))
  decoder.end()
  return events
}

function dataOf(...chunks: readonly (string | Uint8Array)[]): (string | undefined)[] {
  return decode(...chunks).map(({ data }) => (data === undefined ? undefined : Buffer.from(data).toString()))
}

/** Events with their data as plain bytes, for comparison. */
function comparable(events: readonly SseEvent[]): SseEvent[] {
  return events.map((event) => ({
    ...event,
    data: event.data === undefined ? undefined : Uint8Array.from(event.data),
  }))
}

function limited(): SseDecoder {
  return new SseDecoder({ maxEventBytes: 20 })
}

/** The events that a limited decoder gives, and the error if it throws one. */
function outcomeOf(chunks: readonly Uint8Array[]): string {
  const decoder = limited()
  const events: SseEvent[] = []
  try {
    for (const chunk of chunks) events.push(...decoder.push(chunk))
    decoder.end()
    return JSON.stringify(comparable(events))
  } catch (error) {
    if (!SseEventTooLargeError.is(error)) throw error
    return `${JSON.stringify(comparable(events))}, then ${error.message}`
  }
}

describe('A stream of events', () => {
  test('is read with all its fields', () => {
    expect(comparable(decode('event: message\nid: 7\nretry: 1500\ndata: {"a":1}\n\n'))).toEqual([
      { event: 'message', id: '7', retryMs: 1500, data: utf8('{"a":1}') },
    ])
  })

  test('may end its lines with LF, CR or CRLF, mixed', () => {
    expect(dataOf('data: a\n\ndata: b\r\rdata: c\r\n\r\ndata: d\r\n\ndata: e\n\r\n')).toEqual([
      'a',
      'b',
      'c',
      'd',
      'e',
    ])
  })

  test('may be cut between the CR and the LF of one line end', () => {
    expect(dataOf('data: a\r', '\n\r', '\ndata: b\r', '\r', 'data: c\n', '\n')).toEqual(['a', 'b', 'c'])
    expect(dataOf('data: a\r', '', '\ndata: b\n\n')).toEqual(['a\nb'])
  })

  test('joins data lines with LF and keeps empty ones', () => {
    expect(dataOf('data: a\ndata:\ndata\ndata:  b\n\n')).toEqual(['a\n\n\n b'])
  })

  test('gives empty data as data: the priming event of a resumable stream', () => {
    expect(comparable(decode('id: 1\ndata:\n\n'))).toEqual([
      { event: undefined, id: '1', retryMs: undefined, data: new Uint8Array(0) },
    ])
  })

  test('gives an id or a retry that comes without data, with no data', () => {
    expect(decode('id: 1\n\nretry: 10\n\nid\n\n')).toEqual([
      { event: undefined, id: '1', retryMs: undefined, data: undefined },
      { event: undefined, id: undefined, retryMs: 10, data: undefined },
      { event: undefined, id: '', retryMs: undefined, data: undefined },
    ])
  })

  test('says nothing of comments, blank lines, unknown fields and a type alone', () => {
    expect(decode(': keep-alive\n\n\n\n:\nunknown: 1\nDATA: x\n data: x\nevent: ping\n\n')).toEqual([])
  })

  test('drops one space after the colon, and no more', () => {
    expect(dataOf('data:x\n\ndata: x\n\ndata:  x\n\ndata:\tx\n\n')).toEqual(['x', 'x', ' x', '\tx'])
  })

  test('ignores an id with a NUL, and a retry that is not all digits', () => {
    expect(
      comparable(decode('id: a\nid: b\0\nretry: 5\nretry: -1\nretry: 1e3\nretry:\nretry: 6 \ndata: x\n\n')),
    ).toEqual([{ event: undefined, id: 'a', retryMs: 5, data: utf8('x') }])
  })

  test('ignores a retry that no number holds', () => {
    expect(decode('retry: 99999999999999999999\ndata\n\n')[0]?.retryMs).toBeUndefined()
  })

  test('may begin with a byte order mark, also one cut in pieces', () => {
    expect(dataOf('\ufeffdata: a\n\n')).toEqual(['a'])
    const mark = utf8('\ufeff')
    expect(dataOf(mark.subarray(0, 1), mark.subarray(1, 2), mark.subarray(2), 'data: a\n\n')).toEqual(['a'])
    expect(dataOf('data: a\n\n\ufeffdata: b\n\ndata: c\n\n')).toEqual(['a', 'c'])
  })

  test('whose first bytes only look like a byte order mark loses none of them', () => {
    const decoder = new SseDecoder({ maxEventBytes: 100 })
    expect(decoder.push(Uint8Array.from([0xef, 0xbb]))).toEqual([])
    expect(decoder.push(utf8('data: a\n\ndata: b\n\n'))).toHaveLength(1)
  })

  test('drops a last event that lacks its blank line, and says so before', () => {
    const decoder = new SseDecoder({ maxEventBytes: 100 })
    expect(decoder.push(utf8('data: a\n\ndata: b\n'))).toHaveLength(1)
    expect(decoder.hasPartialEvent).toBe(true)
    decoder.end()
    expect(decoder.hasPartialEvent).toBe(false)
    expect(() => decoder.push(utf8('\n'))).toThrow(TypeError)
    decoder.end()
  })

  test.each([
    ['nothing', '', false],
    ['a whole event', 'data: a\n\n', false],
    ['a comment', ': x\n', false],
    ['the start of a comment', ': x', false],
    ['the start of a line', 'd', true],
    ['a line', 'data: a\r', true],
    ['an id', 'id: 1\n', true],
  ])('after %s has a partial event: %s -> %s', (_what, text, expected) => {
    const decoder = new SseDecoder({ maxEventBytes: 100 })
    decoder.push(utf8(text))
    expect(decoder.hasPartialEvent).toBe(expected)
  })

  test('gives data that lies in one chunk without copying it', () => {
    const chunk = utf8('event: message\ndata: {"a":1}\n\ndata: b\n\n')
    for (const { data } of decode(chunk)) expect(data?.buffer).toBe(chunk.buffer)
  })

  test(
    'is read as the standard reads it, however it is cut',
    () => {
      const token = fc.constantFrom(
        'data',
        'data:',
        'data: ',
        'event:',
        'id:',
        'id',
        'retry:',
        ':',
        ' ',
        '\n',
        '\r',
        '\r\n',
      )
      const more = fc.constantFrom(
        '\n\n',
        '\r\r',
        'a',
        '0',
        '12',
        '\0',
        '\ufeff',
        'é',
        'datax',
        'x: y',
        'l'.repeat(70),
        'm'.repeat(200),
        '99999999999999999',
      )
      const stream = fc.array(fc.oneof(token, more), { maxLength: 40 }).map((tokens) => utf8(tokens.join('')))
      fc.assert(
        fc.property(stream, cuts, (bytes, places) => {
          expect(comparable(decode(...cutInto(bytes, places)))).toEqual(referenceEvents(bytes))
        }),
        { numRuns: propertyRuns(3000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )
})

describe('An event over the limit', () => {
  test.each([
    ['in one line', ['data: 123456789012345\n\n']],
    ['in one line without an end', ['data: 123456789012345']],
    ['in pieces', ['data: 12345', '6789012345']],
    ['in many lines', ['data: 123456\n'.repeat(4)]],
    ['in many empty lines', ['data\n'.repeat(30)]],
    ['in its id', ['id: 12345678901234567\n']],
    ['in its id, type and data together', ['id: 1234567890\n', 'event: 1234567\n', 'data: 1234567\n']],
    ['in its type and data together', ['event: 1234567890\n', 'data: 12345']],
    ['in its id and data together', ['id: 1234567890\n', 'data: 12345']],
    ['in an unknown field', ['unknown: 1234567890123\n']],
  ])('is refused: %s', (_where, chunks) => {
    const decoder = limited()
    const push = (): void => chunks.forEach((chunk) => decoder.push(utf8(chunk)))
    expect(push).toThrow(SseEventTooLargeError)
    expect(() => decoder.push(utf8('data: a\n\n'))).toThrow(SseEventTooLargeError)
    expect(() => decoder.end()).toThrow(SseEventTooLargeError)
  })

  test('does not take the events before it in the same chunk with it', () => {
    const decoder = limited()
    expect(decoder.push(utf8('data: a\n\ndata: b\n\ndata: 123456789012345\n\ndata: c\n\n'))).toHaveLength(2)
    expect(() => decoder.push(utf8('\n'))).toThrow(SseEventTooLargeError)
  })

  test('is found at the latest when the stream ends', () => {
    const decoder = limited()
    decoder.push(utf8('data: a\n\ndata: 123456789012345'))
    expect(() => decoder.end()).toThrow(SseEventTooLargeError)
  })

  test('is not made of what the events before it held', () => {
    const decoder = limited()
    const blocks = [
      'event: 1234567890123',
      'id: 1234567890123456',
      'data: 12345678901234',
      'data: 1234567\ndata',
    ]
    for (let index = 0; index < 3; index++) {
      expect(decoder.push(utf8(blocks.map((block) => `${block}\n\n`).join('')))).toHaveLength(3)
    }
  })

  test('is one event, not a stream of small ones, and comments are free', () => {
    const decoder = limited()
    for (let index = 0; index < 100; index++) {
      decoder.push(utf8(`: ${'comment '.repeat(10)}`))
      expect(
        decoder.push(utf8(`${'comment '.repeat(10)}\nid: 1\nevent: é\nevent: é\ndata: 12345\n\n`)),
      ).toHaveLength(1)
    }
  })

  test(
    'does not depend on the chunks',
    () => {
      const stream = fc
        .array(fc.constantFrom('data: 1234', 'data', 'id: 12345', '\n', '\n\n', ': comment', '\r\n'), {
          maxLength: 20,
        })
        .map((parts) => utf8(parts.join('')))
      fc.assert(
        fc.property(stream, cuts, (bytes, places) => {
          expect(outcomeOf(cutInto(bytes, places))).toBe(outcomeOf([bytes]))
        }),
        { numRuns: propertyRuns(1000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )

  test('names the limit', () => {
    const error = new SseEventTooLargeError(20)
    expect(error).toMatchObject({
      code: 'ERR_SSE_EVENT_TOO_LARGE',
      maxEventBytes: 20,
      name: 'SseEventTooLargeError',
    })
    expect(SseEventTooLargeError.is(new Error('other'))).toBe(false)
  })

  test.each([0, -1, 1.5, Number.NaN])('has no limit of %d', (maxEventBytes) => {
    expect(() => new SseDecoder({ maxEventBytes })).toThrow(RangeError)
  })
})
