import { expect, test } from 'vitest'

import { contentUris, listElements, readValue, scanMessage } from '../src/index.ts'
import { textOf, utf8 } from './support/verdicts.ts'

/** The URIs found in a result, as their texts. */
const urisIn = (result: unknown): unknown[] => {
  const bytes = utf8(JSON.stringify({ jsonrpc: '2.0', id: 1, result }))
  const { resultSpan } = scanMessage(bytes)
  return contentUris(bytes, resultSpan!).map((span) => readValue(bytes, span))
}

test('In the result of a tool: links and embedded resources, at any place, and nothing else', () => {
  expect(
    urisIn({
      content: [
        { type: 'text', text: 'see file:///text', uri: 'file:///no' },
        { uri: 'file:///link', type: 'resource_link', name: 'x' },
        { type: 'resource', resource: { uri: 'file:///embedded', text: '…', _meta: { uri: 'no' } } },
        { type: 'vendor/thing', resource: { uri: 'file:///no' } },
      ],
      structuredContent: { uri: 'file:///no', content: [{ type: 'resource_link', uri: 'file:///no' }] },
      _meta: { uri: 'file:///no' },
    }),
  ).toEqual(['file:///link', 'file:///embedded'])
})

test('In what was read, and in the messages of a prompt', () => {
  expect(
    urisIn({
      contents: [
        { uri: 'a:1', text: '' },
        { blob: '', uri: 'a:2' },
      ],
    }),
  ).toEqual(['a:1', 'a:2'])
  expect(
    urisIn({
      messages: [
        { role: 'user', content: { type: 'resource', resource: { uri: 'a:3' } } },
        {
          role: 'assistant',
          content: [
            { type: 'resource_link', uri: 'a:4' },
            { type: 'tool_result', toolUseId: 't', content: [{ type: 'resource_link', uri: 'a:5' }] },
          ],
        },
      ],
    }),
  ).toEqual(['a:3', 'a:4', 'a:5'])
})

test.each([
  ['no content', {}],
  ['content that is no list', { content: 'text', contents: 7, messages: null }],
  [
    'blocks that are no objects',
    { content: [1, 'x', null, [], { type: 'resource' }, { type: 'resource', resource: 1 }] },
  ],
  [
    'URIs that are no strings',
    { content: [{ type: 'resource_link', uri: 1 }], contents: [{ uri: null }, {}] },
  ],
  ['a result that is no object', 'text'],
])('Nothing is found in %s', (_, result) => {
  expect(urisIn(result)).toEqual([])
})

test('Blocks within blocks without end are left alone, and cost no stack', () => {
  let block: object = { type: 'resource_link', uri: 'a:deep' }
  for (let depth = 0; depth < 20; depth++) block = { type: 'tool_result', content: [block] }
  expect(urisIn({ content: [block] })).toEqual([])
})

test('The elements of an array are found as they were written', () => {
  const bytes = utf8('[ 1 ,"a,]" , {"b":[2]},[ ] ]')
  const texts = listElements(bytes, { start: 0, end: bytes.length }).map(({ start, end }) =>
    textOf(bytes.subarray(start, end)),
  )
  expect(texts).toEqual(['1', '"a,]"', '{"b":[2]}', '[ ]'])
  expect(listElements(utf8('[]'), { start: 0, end: 2 })).toEqual([])
  expect(() => listElements(utf8('{}'), { start: 0, end: 2 })).toThrow(RangeError)
  expect(() => listElements(utf8('[1,2]'), { start: 0, end: 4 })).toThrow(RangeError)
})
