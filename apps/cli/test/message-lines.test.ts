import { Buffer } from 'node:buffer'

import fc from 'fast-check'
import { expect, test } from 'vitest'

import { asLine, LineTooLongError, readLines } from '../src/bridge/message-lines.ts'

const linesOf = async (chunks: readonly string[], maxBytes = 1000): Promise<string[]> => {
  const lines: string[] = []
  for await (const line of readLines(streamOf(chunks.map((chunk) => Buffer.from(chunk))), maxBytes))
    lines.push(line instanceof LineTooLongError ? 'too long' : line.toString())
  return lines
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

test('lines are found wherever the chunks are cut, the last one also without its end', async () => {
  expect(await linesOf(['{"a"', ':1}\n{"b":2}\n\r\n{"c', '":3}'])).toEqual(['{"a":1}', '{"b":2}', '{"c":3}'])
})

test('a line that is too long is named in its place, and does not cost the next one', async () => {
  expect(await linesOf(['a'.repeat(30), 'b'.repeat(30), '\nok\n', 'c'.repeat(60)], 40)).toEqual([
    'too long',
    'ok',
    'too long',
  ])
})

test('cutting anywhere changes nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('a', 'ü', '\n', '{}'), { maxLength: 40 }),
      fc.nat(7),
      async (parts, size) => {
        const bytes = Buffer.from(parts.join(''))
        const chunks: Buffer[] = []
        for (let at = 0; at < bytes.length; at += size + 1) chunks.push(bytes.subarray(at, at + size + 1))
        const lines: string[] = []
        for await (const line of readLines(streamOf(chunks), 1000)) lines.push(String(line))
        expect(lines).toEqual(
          parts
            .join('')
            .split('\n')
            .filter((line) => line !== ''),
        )
      },
    ),
  )
})

test('a message that is laid out over several lines becomes one, and means the same', () => {
  const message = { text: 'two\nlines', list: [1, 2] }
  const line = asLine(Buffer.from(JSON.stringify(message, null, 2).replaceAll('\n', '\r\n'))).toString()
  expect(line.indexOf('\n')).toBe(line.length - 1)
  expect(JSON.parse(line)).toEqual(message)
})
