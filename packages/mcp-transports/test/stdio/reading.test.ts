import { expect, test } from 'vitest'

import { LineReader } from '../../src/stdio/line-reader.ts'
import { TextTail } from '../../src/stdio/text-tail.ts'
import { TopLevelId } from '../../src/stdio/top-level-id.ts'

/** What a reader gives for a text that comes in pieces of `size` bytes. */
const read = (text: string, size: number, maxLineBytes = 1_000): (string | number | undefined)[] => {
  const lines: (string | number | undefined)[] = []
  const reader = new LineReader({
    maxLineBytes,
    onLine: (line) => lines.push(Buffer.from(line).toString()),
    onOversizedLine: (id) => lines.push(id),
  })
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
  reader.end()
  return lines
}

test.each([1, 2, 3, 7, 1_000])('lines are the same in pieces of %i bytes', (size) => {
  expect(read('one\r\n\n{"ä":"€"}\nlast', size)).toEqual(['one', '{"ä":"€"}', 'last'])
  expect(read('', size)).toEqual([])
  expect(read('\n\r\n', size)).toEqual([])
})

test.each([1, 3, 1_000])(
  'a line over the limit is told with the id in it, and the next is read, in pieces of %i bytes',
  (size) => {
    const long = `{"result":{"id":1,"text":"${'x'.repeat(50)}","more":["\\"id\\":2,",{"id":3}]},"jsonrpc":"2.0","id": 42}`
    expect(read(`before\n${long}\nafter\n`, size, 20)).toEqual(['before', 42, 'after'])
    expect(read(`${'x'.repeat(21)}\n${'y'.repeat(20)}\n`, size, 20)).toEqual([undefined, 'y'.repeat(20)])
  },
)

test.each([
  ['{"jsonrpc":"2.0","id":5,"result":{}}', 5],
  ['{"result":{"a":"}{"},"id":-7}', -7],
  ['{"id":"text","result":1}', undefined],
  ['{"result":{"id":5}}', undefined],
  ['{"i\\u0064":5,"idx":6,"xid":7}', undefined],
  ['[{"id":5}]', undefined],
  ['garbage', undefined],
])('the id of %s is %s', (text, id) => {
  const finder = new TopLevelId()
  finder.push(Buffer.from(text))
  expect(finder.id).toBe(id)
})

test('of an endless text the last lines are kept, each bounded, without control characters', () => {
  const tail = new TextTail({ maxLines: 3, secrets: ['sesame-open', 'sesame'] })
  const text = 'zero\none\n\n\u001B[1;31mtwo\u001B[0m\u0007\nopen sesame-open, sesame!\nunfinished'
  for (const byte of Buffer.from(text)) tail.push(Uint8Array.of(byte))
  expect(tail.lines).toEqual(['two', 'open •••, •••!', 'unfinished'])
  tail.push(Buffer.from(`\n${'€'.repeat(5_000)}`))
  expect(tail.lines.at(-1)).toBe('€'.repeat(1_000))
})
