import { encodeError, WireError } from '@mreg/mcp-wire'
import { describe, expect, test } from 'vitest'

import { readDefinitions } from '../../src/index.ts'
import { definitionsOf, listResponse } from './definitions.ts'

describe('A list of a server', () => {
  test('is read entry by entry, each to the byte, with what it is called by', () => {
    const message = Buffer.from(
      '{"jsonrpc":"2.0","id":1,"result":{"tools":[ {"x-vendor":[1, 2],"name":"\\u0061dd"} ],"nextCursor":"","ttlMs":5}}',
    )
    const page = readDefinitions('tool', message, 64)
    expect(page).toMatchObject({ nextCursor: '', leftOut: 0, definitions: [{ kind: 'tool', name: 'add' }] })
    expect(Buffer.from(page?.definitions[0]?.bytes ?? []).toString()).toBe(
      '{"x-vendor":[1, 2],"name":"\\u0061dd"}',
    )
  })

  test.each([
    ['prompt', { name: 'greet' }, 'greet'],
    ['resource', { uri: 'file:///a', name: 'A' }, 'file:///a'],
    ['resource_template', { uriTemplate: 'file:///{path}', name: 'any' }, 'file:///{path}'],
  ] as const)('of kind %s has its own key', (kind, entry, name) => {
    expect(definitionsOf(kind, entry)).toMatchObject([{ kind, name }])
  })

  test('is not lost for one entry that is no definition', () => {
    const entries = [{ name: 'good' }, null, 7, {}, { name: 7 }, { name: 'better' }]
    const page = readDefinitions('tool', listResponse('tool', entries), 64)
    expect(page?.leftOut).toBe(4)
    expect(page?.definitions.map(({ name }) => name)).toEqual(['good', 'better'])
  })

  test.each([
    ['an error', encodeError({ id: 1, code: -32_601, message: 'no such method' })],
    ['a result without entries', Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}')],
    ['entries that are no list', Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"tools":{}}}')],
    ['a result that is no object', Buffer.from('{"jsonrpc":"2.0","id":1,"result":[]}')],
  ])('is not there in %s', (_, message) => {
    expect(readDefinitions('tool', message, 64)).toBeUndefined()
  })

  test('S42 is refused when it is no message, or nested without end', () => {
    expect(() => readDefinitions('tool', Buffer.from('{'), 64)).toThrow(WireError)
    expect(() => readDefinitions('tool', listResponse('tool', [[[[[]]]]]), 6)).toThrow(/nest/iu)
  })
})

describe('The hash of a definition', () => {
  const [plain] = definitionsOf('tool', { name: 'a', inputSchema: { type: 'object', required: ['b', 'a'] } })

  test('does not depend on how it is written', () => {
    const [other] = definitionsOf('tool', {
      inputSchema: { required: ['b', 'a'], type: 'object' },
      name: 'a',
    })
    expect(other?.hash).toBe(plain?.hash)
  })

  test.each([
    { name: 'a', inputSchema: { type: 'object', required: ['a', 'b'] } },
    { name: 'a', inputSchema: { type: 'object', required: ['b', 'a'] }, description: '' },
    {
      name: 'a',
      inputSchema: [
        ['required', ['b', 'a']],
        ['type', 'object'],
      ],
    },
  ])('changes with what it says: %j', (entry) => {
    expect(definitionsOf('tool', entry)[0]?.hash).not.toBe(plain?.hash)
  })
})
