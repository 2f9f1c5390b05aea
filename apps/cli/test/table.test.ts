import { expect, test } from 'vitest'

import { table } from '../src/output/table.ts'

interface Row {
  readonly name: string
  readonly address: string
}

const columns = [
  { title: 'NAME', value: ({ name }: Row) => name },
  { title: 'ADDRESS', value: ({ address }: Row) => address, flexible: true },
]
const rows = [
  { name: 'one', address: 'http://127.0.0.1:3001/a/rather/long/path' },
  { name: 'number-two', address: 'short' },
]

test('columns are as wide as what is in them', () => {
  expect(table(columns, rows, undefined)).toBe(
    [
      'NAME        ADDRESS',
      'one         http://127.0.0.1:3001/a/rather/long/path',
      'number-two  short',
      '',
    ].join('\n'),
  )
})

test('on a narrow terminal the flexible column gives way, and no line is wider', () => {
  const lines = table(columns, rows, 40).split('\n')
  expect(lines[1]).toBe('one         http://127.0.0.1:3001/a/rat…')
  expect(lines.every((line) => line.length <= 40)).toBe(true)
})

test('what is measured is the text, not its colours', () => {
  const coloured = [{ ...columns[0]!, style: (text: string) => `\u001b[31m${text}\u001b[39m` }, columns[1]!]
  expect(table(coloured, [{ name: 'a', address: 'b' }], undefined)).toBe(
    'NAME  ADDRESS\n\u001b[31ma\u001b[39m     b\n',
  )
})
