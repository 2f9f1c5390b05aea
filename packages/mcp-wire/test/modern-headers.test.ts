import { describe, expect, test } from 'vitest'

import {
  checkModernHeaders,
  classifyEra,
  encodeHeaderValue,
  mirroredName,
  scanMessage,
  type HeaderLookup,
  type ScannedMessage,
} from '../src/index.ts'
import { utf8 } from './support/verdicts.ts'

const VERSION = '2026-07-28'
const META = {
  'io.modelcontextprotocol/protocolVersion': VERSION,
  'io.modelcontextprotocol/clientCapabilities': {},
}

function scan(method: string, params: object | undefined, members: object = { id: 1 }): ScannedMessage {
  return scanMessage(utf8(JSON.stringify({ jsonrpc: '2.0', method, params, ...members })))
}

function headers(values: Record<string, string>): HeaderLookup {
  return (name) => values[name]
}

const standard = { 'mcp-protocol-version': VERSION, 'mcp-method': 'tools/call', 'mcp-name': 'echo' }
const call = scan('tools/call', { _meta: META, name: 'echo' })

describe('The era of a POST', () => {
  test.each([
    ['a claim in _meta', scan('tools/list', { _meta: META }), {}, 'modern'],
    [
      'a claim of an unknown version',
      scan('x', { _meta: { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' } }),
      {},
      'modern',
    ],
    [
      'a claim of a wrong type',
      scan('x', { _meta: { 'io.modelcontextprotocol/protocolVersion': 1 } }),
      {},
      'modern',
    ],
    ['initialize with a claim', scan('initialize', { _meta: META }), {}, 'modern'],
    ['a modern header alone', scan('tools/list', {}), { 'mcp-protocol-version': ` ${VERSION}` }, 'modern'],
    [
      'initialize with a modern header',
      scan('initialize', {}),
      { 'mcp-protocol-version': VERSION },
      'legacy',
    ],
    ['nothing', scan('tools/list', undefined), {}, 'legacy'],
    ['a legacy header', scan('tools/list', {}), { 'mcp-protocol-version': '2025-11-25' }, 'legacy'],
    ['an unknown header', scan('tools/list', {}), { 'mcp-protocol-version': '2099-01-01' }, 'legacy'],
    ['a notification with a modern header', scan('n', {}, {}), { 'mcp-protocol-version': VERSION }, 'modern'],
  ] as const)('with %s', (_what, scanned, values, era) => {
    expect(classifyEra(scanned, headers(values))).toBe(era)
  })

  test('of a posted response is legacy', () => {
    const response = scanMessage(utf8('{"jsonrpc":"2.0","id":1,"result":{}}'))
    expect(classifyEra(response, headers({ 'mcp-protocol-version': VERSION }))).toBe('legacy')
  })
})

describe('A modern request', () => {
  test.each([
    ['tools/call', { name: 'echo' }, 'echo'],
    ['prompts/get', { name: ' ä ' }, ' ä '],
    ['resources/read', { uri: 'file:///é' }, 'file:///é'],
    ['tasks/get', { taskId: 't' }, 't'],
    ['tasks/update', { taskId: 't' }, 't'],
    ['tasks/cancel', { taskId: 't' }, 't'],
    ['tools/list', {}, undefined],
    ['completion/complete', { name: 'not mirrored' }, undefined],
  ])('%s passes when its headers mirror it', (method, params, name) => {
    const scanned = scan(method, { ...params, _meta: META })
    expect(mirroredName(scanned)).toBe(name)
    const values = {
      'mcp-protocol-version': VERSION,
      'mcp-method': ` ${method}\t`,
      ...(name === undefined ? {} : { 'mcp-name': encodeHeaderValue(name) }),
    }
    expect(checkModernHeaders(scanned, headers(values))).toBeUndefined()
  })

  test.each([
    ['without a version header', { 'mcp-protocol-version': undefined }],
    ['with another version in the header', { 'mcp-protocol-version': '2025-11-25' }],
    ['with the version twice', { 'mcp-protocol-version': `${VERSION}, ${VERSION}` }],
    ['without a method header', { 'mcp-method': undefined }],
    ['with another method in the header', { 'mcp-method': 'tools/list' }],
    ['with the method in another case', { 'mcp-method': 'Tools/Call' }],
    ['without a name header', { 'mcp-name': undefined }],
    ['with an empty name header', { 'mcp-name': '' }],
    ['with another name in the header', { 'mcp-name': 'delete' }],
    ['with the name in another case', { 'mcp-name': 'Echo' }],
    ['with malformed base64 in the name header', { 'mcp-name': '=?base64?ZWNobw?=' }],
    ['with raw non-ASCII in the name header', { 'mcp-name': 'é' }],
  ])('%s is a header mismatch (S32)', (_what, change) => {
    const values = Object.fromEntries(
      Object.entries({ ...standard, ...change }).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      ),
    )
    expect(checkModernHeaders(call, headers(values))).toMatchObject({ status: 400, code: -32020 })
  })

  test('may send its name in base64 although it need not', () => {
    expect(
      checkModernHeaders(call, headers({ ...standard, 'mcp-name': '=?base64?ZWNobw==?=' })),
    ).toBeUndefined()
  })

  test.each([
    ['no _meta', { name: 'echo' }],
    ['no version in _meta', { name: 'echo', _meta: { 'io.modelcontextprotocol/clientCapabilities': {} } }],
    [
      'a version that is no string',
      { name: 'echo', _meta: { ...META, 'io.modelcontextprotocol/protocolVersion': 1 } },
    ],
    ['no capabilities', { name: 'echo', _meta: { 'io.modelcontextprotocol/protocolVersion': VERSION } }],
    [
      'capabilities that are no object',
      { name: 'echo', _meta: { ...META, 'io.modelcontextprotocol/clientCapabilities': [] } },
    ],
    ['no name', { _meta: META }],
    ['a name that is no string', { name: 1, _meta: META }],
  ])('with %s has invalid params', (_what, params) => {
    const fault = checkModernHeaders(scan('tools/call', params), headers(standard))
    expect(fault).toMatchObject({ status: 400, code: -32602 })
  })

  test('of a version that is not served is told which ones are', () => {
    const meta = { ...META, 'io.modelcontextprotocol/protocolVersion': '2099-01-01' }
    const scanned = scan('tools/list', { _meta: meta })
    for (const version of [{}, { 'mcp-protocol-version': '2099-01-01' }]) {
      expect(checkModernHeaders(scanned, headers({ ...version, 'mcp-method': 'tools/list' }))).toMatchObject({
        status: 400,
        code: -32022,
        data: { supported: [VERSION], requested: '2099-01-01' },
      })
    }
  })

  test('of a version that is not served is told so although its _meta is not of this version', () => {
    const scanned = scan('tools/list', { _meta: { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' } })
    expect(checkModernHeaders(scanned, headers({}))).toMatchObject({ code: -32022 })
  })

  test('is judged by the versions that the caller supports', () => {
    expect(checkModernHeaders(call, headers(standard), ['2027-01-01'])).toMatchObject({
      code: -32022,
      data: { supported: ['2027-01-01'], requested: VERSION },
    })
  })

  test('cannot be a response', () => {
    const response = scanMessage(utf8('{"jsonrpc":"2.0","id":1,"result":{}}'))
    expect(checkModernHeaders(response, headers(standard))).toMatchObject({ status: 400, code: -32600 })
  })
})

describe('A modern notification', () => {
  const notification = scan('notifications/x', { _meta: META }, {})

  test('may lack the headers and the rest of _meta', () => {
    expect(checkModernHeaders(notification, headers({}))).toBeUndefined()
    const bare = scan('notifications/x', undefined, {})
    expect(checkModernHeaders(bare, headers({ 'mcp-protocol-version': VERSION }))).toBeUndefined()
  })

  test('may not contradict them, nor claim a version that is no string', () => {
    const scanned = scan('notifications/x', { _meta: { 'io.modelcontextprotocol/protocolVersion': 1 } }, {})
    expect(checkModernHeaders(scanned, headers({}))).toMatchObject({ code: -32602 })
    expect(checkModernHeaders(notification, headers({ 'mcp-method': 'tools/call' }))).toMatchObject({
      code: -32020,
    })
    const values = headers({ 'mcp-protocol-version': '2025-11-25' })
    expect(checkModernHeaders(notification, values)).toMatchObject({ code: -32020 })
  })
})
