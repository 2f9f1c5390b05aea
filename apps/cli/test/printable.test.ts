import { expect, test } from 'vitest'

import { printable, printableLines } from '../src/output/printable.ts'

test('what a server says cannot move the cursor, colour the terminal or turn the text round', () => {
  expect(printable('a\u001b[31mb\u0007\u202Ec\r\nd\u009b2Je')).toBe('a[31mbc d2Je')
  expect(printableLines('  one\r\n\u001b]0;title\u0007two')).toBe('  one\n]0;titletwo')
})
