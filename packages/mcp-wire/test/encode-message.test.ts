import { describe, expect, test } from 'vitest'

import { encodeError, encodeNotification, encodeRequest, encodeResult, scanMessage } from '../src/index.ts'
import { textOf } from './support/verdicts.ts'

describe('Encoded messages', () => {
  test('are read by the scan as what they are', () => {
    const request = encodeRequest({ id: 'a', method: 'tools/call', params: { name: 'é' } })
    expect(scanMessage(request)).toMatchObject({ kind: 'request', id: 'a', method: 'tools/call', name: 'é' })
    expect(scanMessage(encodeNotification({ method: 'n' }))).toMatchObject({
      kind: 'notification',
      method: 'n',
    })
    expect(scanMessage(encodeResult({ id: 1, result: {} }))).toMatchObject({
      kind: 'response',
      id: 1,
      isError: false,
    })
    const error = scanMessage(encodeError({ id: 1, code: -32603, message: 'no' }))
    expect(error).toMatchObject({ kind: 'response', isError: true, errorCode: -32603 })
  })

  test('have no member for what is undefined', () => {
    expect(textOf(encodeRequest({ id: 0, method: 'ping' }))).toBe('{"jsonrpc":"2.0","id":0,"method":"ping"}')
    expect(textOf(encodeError({ code: 1, message: 'x' }))).toBe(
      '{"jsonrpc":"2.0","error":{"code":1,"message":"x"}}',
    )
    const withNull = encodeError({ id: null, code: 1, message: 'x', data: { a: 1 } })
    expect(textOf(withNull)).toBe(
      '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"x","data":{"a":1}}}',
    )
  })
})
