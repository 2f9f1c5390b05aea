import { describe, expect, test } from 'vitest'

import { MAX_SCAN_DEPTH, scanMessage, WireError } from '../src/index.ts'
import { refusalOf, utf8, wireErrorOf } from './support/verdicts.ts'

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`
const request = (members: string): string => `{"jsonrpc":"2.0","id":1,"method":"m"${members}}`

function scanId(id: string): unknown {
  return scanMessage(utf8(`{"jsonrpc":"2.0","method":"m","id":${id}}`)).id
}

function withDepth(depth: number): Uint8Array {
  return utf8(request(`,"x":${nested(depth - 1)}`))
}

function nameOf(name: string): string | undefined {
  return scanMessage(utf8(request(`,"params":{"name":"${name}"}`))).name
}

function withMembers(members: readonly string[]): Uint8Array {
  return utf8(request(`,"params":{"a":{${members.join()}}}`))
}

describe('Kinds of messages', () => {
  test('a method with an id is a request, without one a notification', () => {
    expect(scanMessage(utf8('{"jsonrpc":"2.0","id":"a","method":"ping"}'))).toMatchObject({
      kind: 'request',
      id: 'a',
    })
    const notification = scanMessage(utf8('{"jsonrpc":"2.0","method":"notifications/initialized"}'))
    expect(notification).toMatchObject({ kind: 'notification', id: undefined, idSpan: undefined })
  })

  test('a result is a response, and its type and _meta are found wherever they stand', () => {
    const bytes = utf8(
      '{"result":{"content":[],"_meta":{"a":1},"resultType":"complete"},"id":7,"jsonrpc":"2.0"}',
    )
    const scanned = scanMessage(bytes)
    expect(scanned).toMatchObject({ kind: 'response', id: 7, isError: false, resultType: 'complete' })
    expect(
      Buffer.from(bytes).toString('utf8', scanned.resultMetaSpan?.start, scanned.resultMetaSpan?.end),
    ).toBe('{"a":1}')
  })

  test.each([
    ['5', 5],
    ['null', null],
  ])('an error may have the id %s', (id, expected) => {
    const scanned = scanMessage(utf8(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"no"}}`))
    expect(scanned).toMatchObject({ kind: 'response', isError: true, errorCode: -32601, id: expected })
  })

  test('an error may have no id', () => {
    const scanned = scanMessage(utf8('{"jsonrpc":"2.0","error":{"code":-32700,"message":"no"}}'))
    expect(scanned).toMatchObject({ kind: 'response', isError: true, id: undefined })
  })

  test('a response says nothing about params, even if it has them', () => {
    const scanned = scanMessage(utf8('{"jsonrpc":"2.0","id":1,"result":{},"params":{"name":"x","_meta":{}}}'))
    expect(scanned).toMatchObject({ paramsSpan: undefined, name: undefined, meta: undefined })
  })

  test('an unknown member beside the known ones is left alone', () => {
    expect(scanMessage(utf8(request(',"vendor":{"id":2}')))).toMatchObject({ kind: 'request', id: 1 })
  })

  test('white space around the message is allowed, a byte order mark is not', () => {
    expect(scanMessage(utf8(` \r\n${request('')}\t`)).method).toBe('m')
    expect(wireErrorOf(`\ufeff${request('')}`)).toMatchObject({
      reason: 'malformed_json',
      jsonRpcCode: -32700,
    })
  })
})

describe('A message is refused', () => {
  test.each([
    ['that is no object', '"text"', 'not_jsonrpc'],
    ['that is a batch', `[${request('')}]`, 'batch'],
    ['that is an empty batch', '[]', 'batch'],
    ['without a version', '{"id":1,"method":"m"}', 'not_jsonrpc'],
    ['of another version', '{"jsonrpc":"1.0","id":1,"method":"m"}', 'not_jsonrpc'],
    ['with a version that is no string', '{"jsonrpc":2.0,"id":1,"method":"m"}', 'not_jsonrpc'],
    ['that is neither call nor response', '{"jsonrpc":"2.0","id":1}', 'not_jsonrpc'],
    ['that is call and response', request(',"result":{}'), 'not_jsonrpc'],
    ['that is call and error', request(',"error":{"code":1,"message":""}'), 'not_jsonrpc'],
    ['with result and error', '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', 'not_jsonrpc'],
    ['with an error that is no object', '{"jsonrpc":"2.0","id":1,"error":"no"}', 'not_jsonrpc'],
    ['with a method that is no string', '{"jsonrpc":"2.0","id":1,"method":["m"]}', 'invalid_method'],
    ['with params by position', request(',"params":[1]'), 'invalid_params'],
    ['with params that are null', request(',"params":null'), 'invalid_params'],
    ['with a _meta that is no object', request(',"params":{"_meta":[]}'), 'invalid_meta'],
    [
      'with a progress token that is an object',
      request(',"params":{"_meta":{"progressToken":{}}}'),
      'invalid_meta',
    ],
    [
      'with a progress token that is 1.5',
      request(',"params":{"_meta":{"progressToken":1.5}}'),
      'invalid_meta',
    ],
    ['with a result but no id', '{"jsonrpc":"2.0","result":{}}', 'invalid_id'],
    ['with a result and the id null', '{"jsonrpc":"2.0","id":null,"result":{}}', 'invalid_id'],
  ])('%s', (_what, message, reason) => {
    const jsonRpcCode = reason === 'invalid_meta' ? -32602 : -32600
    expect(wireErrorOf(message)).toMatchObject({ reason, jsonRpcCode, code: 'ERR_WIRE_MESSAGE' })
  })

  test('with the id that could be read, so that the answer can carry it', () => {
    expect(wireErrorOf('{"params":[],"method":"m","jsonrpc":"2.0","id":"abc"}').id).toBe('abc')
    expect(wireErrorOf(request(',"params":{"_meta":1}')).id).toBe(1)
  })

  test('without an id when two were given', () => {
    const error = wireErrorOf('{"jsonrpc":"2.0","id":1,"method":"m","id":2}')
    expect(error).toMatchObject({ reason: 'duplicate_key', id: undefined, offset: 38 })
  })

  test('for its grammar before anything else, with the place of the fault', () => {
    expect(wireErrorOf('[{"id":1,"id":1},')).toMatchObject({ reason: 'malformed_json', offset: 17 })
    expect(wireErrorOf('{"id":1,"id":2 x}')).toMatchObject({
      reason: 'malformed_json',
      offset: 15,
      id: undefined,
    })
    expect(wireErrorOf('')).toMatchObject({ reason: 'malformed_json', jsonRpcCode: -32700 })
  })

  test('for ill-formed UTF-8 in a string, in a key, and in what is not read', () => {
    for (const [before, after] of [
      ['{"jsonrpc":"2.0","method":"', '"}'],
      ['{"jsonrpc":"2.0","method":"m","params":{"', '":1}}'],
      ['{"jsonrpc":"2.0","method":"m","params":{"text":"', `${'x'.repeat(300)}"}}`],
    ] as const) {
      for (const bad of [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
        const bytes = Uint8Array.from([...utf8(before), ...bad, ...utf8(after)])
        expect(wireErrorOf(bytes)).toMatchObject({ reason: 'invalid_utf8', jsonRpcCode: -32700 })
      }
    }
  })
})

describe('Ids (S39)', () => {
  test.each([
    ['0', 0],
    ['-0', 0],
    ['-12', -12],
    ['1.0', 1],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['-9007199254740991', Number.MIN_SAFE_INTEGER],
    ['""', ''],
    ['"1"', '1'],
    [String.raw`"a\u0062\n"`, 'ab\n'],
  ])('%s is read as it is meant', (raw, value) => {
    expect(scanId(raw)).toBe(value)
  })

  test.each([
    'true',
    'null',
    '{}',
    '[1]',
    '1.5',
    '1e2',
    '9007199254740992',
    '9007199254740993',
    '-9007199254740992',
    '9007199254740991.4',
    '0.99999999999999999999',
    '1e400',
    '1'.repeat(2000),
    `"${'x'.repeat(1023)}"`,
  ])('%s is refused', (raw) => {
    expect(wireErrorOf(`{"jsonrpc":"2.0","method":"m","id":${raw}}`)).toMatchObject({
      reason: 'invalid_id',
      id: undefined,
    })
  })

  test('an id may be as long as the limit says', () => {
    expect(scanId(`"${'x'.repeat(1022)}"`)).toHaveLength(1022)
    expect(refusalOf(utf8('{"jsonrpc":"2.0","method":"m","id":"abc"}'), { maxIdBytes: 4 })).toBe('invalid_id')
  })
})

describe('Keys that a lenient reader could take for known ones (S37)', () => {
  test.each([
    '"ID":2',
    '"Id":2',
    '"Method":"x"',
    '"METHOD":"x"',
    '"paramſ":{}',
    String.raw`"param\u017f":{}`,
    '"JSONRPC":"2.0"',
    '"reſult":{}',
    '"Error":{}',
    String.raw`"method\u0000":"x"`,
    String.raw`"\u004dethod":"x"`,
    String.raw`"any\u0000thing":1`,
    '"params":{"Name":"x"}',
    '"params":{"name":"safe","NAME":"x"}',
    '"params":{"URI":"x"}',
    '"params":{"taſkId":"x"}',
    '"params":{"tas\u212aId":"x"}',
    '"params":{"_Meta":{}}',
    '"params":{"Arguments":{}}',
    '"params":{"_meta":{"ProgressToken":1}}',
    '"params":{"_meta":{"io.modelcontextprotocol/protocolversion":"2025-11-25"}}',
    '"params":{"_meta":{"io.modelcontextprotocol/clientInfo":{},"IO.modelcontextprotocol/clientInfo":{}}}',
  ])('%s is refused', (member) => {
    expect(wireErrorOf(request(`,${member}`))).toMatchObject({
      reason: 'confusable_key',
      jsonRpcCode: -32600,
      id: 1,
    })
  })

  test.each([
    '"params":{"arguments":{"Name":1,"name":2,"ID":3,"_Meta":4}}',
    '"params":{"names":1,"nam":2,"nbme":3}',
    '"params":{"_meta":{"vendor/Name":1,"name":2,"tracestate":"x","été":1}}',
    '"identity":1',
  ])('%s is no such key', (member) => {
    expect(scanMessage(utf8(request(`,${member}`))).kind).toBe('request')
  })

  test('a known key written with escapes is that key', () => {
    const bytes = utf8(
      String.raw`{"json\u0072pc":"2.\u0030","\u0069d":3,"\u006Dethod":"tools\/call","params":{"n\u0061me":"x"}}`,
    )
    expect(scanMessage(bytes)).toMatchObject({ id: 3, method: 'tools/call', name: 'x' })
  })
})

describe('Repeated keys (S37)', () => {
  test.each([
    ['at the top', request(',"method":"other"')],
    ['at the top, one of them escaped', request(String.raw`,"meth\u006fd":"other"`)],
    ['in params', request(',"params":{"name":"a","x":1,"name":"b"}')],
    ['in params._meta', request(',"params":{"_meta":{"progressToken":1,"progressToken":2}}')],
    ['of an unknown member', request(',"x":1,"x":1')],
    ['of params itself', request(',"params":{},"params":{}')],
    ['in result', '{"jsonrpc":"2.0","id":1,"result":{"_meta":{},"_meta":{}}}'],
    ['in error', '{"jsonrpc":"2.0","id":1,"error":{"code":1,"code":2,"message":""}}'],
  ])('%s are refused at either strictness', (_where, message) => {
    expect(refusalOf(utf8(message))).toBe('duplicate_key')
    expect(refusalOf(utf8(message), { duplicateKeys: 'envelope' })).toBe('duplicate_key')
  })

  test('deeper are refused unless only the envelope is to be judged', () => {
    const bytes = utf8(request(',"params":{"arguments":{"list":[{"path":"/a","path":"/b"}]}}'))
    expect(refusalOf(bytes)).toBe('duplicate_key')
    expect(refusalOf(bytes, { duplicateKeys: 'envelope' })).toBeUndefined()
  })

  test('are found in an object of thousands of keys, whichever repeats', () => {
    const keys = Array.from({ length: 3000 }, (_value, index) => `"k${index}":0`)
    expect(refusalOf(withMembers(keys))).toBeUndefined()
    for (const index of [0, 1, 15, 16, 17, 2999])
      expect(refusalOf(withMembers([...keys, keys[index]!]))).toBe('duplicate_key')
  })

  test('are not found where one key is the beginning of the other', () => {
    for (const length of [0, 1, 10, 255, 256, 300, 512]) {
      const keys = [length, length + 256].map((size) => `"${'k'.repeat(size)}":0`)
      expect(refusalOf(withMembers(keys))).toBeUndefined()
      expect(refusalOf(withMembers(keys.toReversed()))).toBeUndefined()
      expect(refusalOf(withMembers([...keys, keys[0]!]))).toBe('duplicate_key')
    }
  })

  test.each(['a', 'é', '東', '😀', '𠀀', '\u{10ffff}', '"', 'a"b'])(
    'are found when one %s is written with escapes',
    (key) => {
      const plain = `${JSON.stringify(key)}:0`
      const units = Array.from({ length: key.length }, (_value, index) => key.charCodeAt(index))
      const escaped = `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}":0`
      expect(refusalOf(withMembers([plain, escaped]))).toBe('duplicate_key')
      expect(refusalOf(withMembers([escaped, plain]))).toBe('duplicate_key')
      expect(refusalOf(withMembers([escaped, '"other":0', '"\\u0061\\u0022":0']))).toBeUndefined()
    },
  )

  test('of sibling objects are no repetition', () => {
    const item = '{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}'
    expect(refusalOf(utf8(request(`,"params":{"list":[${item},${item}],"other":${item}}`)))).toBeUndefined()
  })

  test('that differ only in lone surrogates are different keys', () => {
    expect(refusalOf(utf8(request(String.raw`,"params":{"a":{"\ud800":1,"\ud801":2}}`)))).toBeUndefined()
    expect(refusalOf(utf8(request(String.raw`,"params":{"a":{"\ud800":1,"\uD800":2}}`)))).toBe(
      'duplicate_key',
    )
  })
})

describe('Keys that are names of object internals (S38)', () => {
  test('have no effect', () => {
    const bytes = utf8(
      request(',"__proto__":{"method":"x"},"constructor":1,"params":{"__proto__":{"name":"x"}}'),
    )
    const scanned = scanMessage(bytes)
    expect(scanned).toMatchObject({ method: 'm', name: undefined })
    expect(Object.hasOwn(Object.prototype, 'name')).toBe(false)
  })
})

describe('Nesting (S39)', () => {
  test('is allowed up to the limit, which counts the message itself', () => {
    expect(refusalOf(withDepth(64))).toBeUndefined()
    expect(wireErrorOf(withDepth(65))).toMatchObject({ reason: 'too_deep', jsonRpcCode: -32600 })
    expect(refusalOf(withDepth(MAX_SCAN_DEPTH), { maxDepth: MAX_SCAN_DEPTH })).toBeUndefined()
    expect(refusalOf(withDepth(MAX_SCAN_DEPTH + 1), { maxDepth: MAX_SCAN_DEPTH })).toBe('too_deep')
  })

  test('counts params and _meta too', () => {
    const bytes = utf8(request(',"params":{"_meta":{"a":{}}}'))
    expect(refusalOf(bytes, { maxDepth: 4 })).toBeUndefined()
    for (const maxDepth of [1, 2, 3]) expect(refusalOf(bytes, { maxDepth })).toBe('too_deep')
  })

  test('of five million arrays is refused like any other', () => {
    expect(refusalOf(utf8(nested(5_000_000)))).toBe('too_deep')
    expect(refusalOf(utf8('{"a":'.repeat(1_000_000)))).toBe('too_deep')
  })
})

describe('Limits', () => {
  test.each([
    { maxDepth: 0 },
    { maxDepth: 1025 },
    { maxDepth: 1.5 },
    { maxIdBytes: 0 },
    { maxIdBytes: Number.NaN },
  ])('%o are refused', (limits) => {
    expect(() => scanMessage(utf8(request('')), limits)).toThrow(RangeError)
  })

  test('that are undefined are the defaults', () => {
    expect(scanMessage(utf8(request('')), { maxDepth: undefined } as object).method).toBe('m')
  })
})

describe('WireError', () => {
  test('is recognised by its code and has its name', () => {
    const error = wireErrorOf('{')
    expect(error.name).toBe('WireError')
    expect(error).toBeInstanceOf(WireError)
    expect(WireError.is(new Error('other'))).toBe(false)
    expect(WireError.is({ code: 'ERR_WIRE_MESSAGE' })).toBe(false)
  })
})

describe('Bytes of any kind', () => {
  test('are read alike: a Buffer, an Uint8Array, a view into the middle of memory', () => {
    const message = request(`,"params":{"name":"${'é'.repeat(200)}"}`)
    const memory = new Uint8Array(utf8(message).length + 9)
    memory.set(utf8(message), 5)
    const expected = scanMessage(utf8(message))
    expect(scanMessage(Buffer.from(message))).toEqual(expected)
    expect(scanMessage(memory.subarray(5, memory.length - 4))).toEqual(expected)
  })

  test('are not taken for others that were read before', () => {
    for (let point = 0x80; point < 0x800; point++) {
      const name = String.fromCodePoint(point)
      // Has as many characters as the name has bytes, and the same numbers.
      const lookAlike = Buffer.from(name).toString('latin1')
      expect(nameOf(lookAlike)).toBe(lookAlike)
      expect(nameOf(name)).toBe(name)
    }
  })
})
