import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { withSettingsTable } from '../settings-table.ts'
import { unpadded } from './support/unpadded.ts'

test('the README has every setting as the code has it', () => {
  const readme = readFileSync(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8')
  expect(unpadded(readme), 'run `pnpm docs`').toBe(unpadded(withSettingsTable(readme)))
})
