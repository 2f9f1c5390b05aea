import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** Statements that hold nothing but what the program itself says: tables, indexes, roles. */
const FIXED_STATEMENTS = /^packages\/repositories\/src\/schema\//u

test('S55: sql.raw is used in migrations alone, where every text is ours', () => {
  const sources = globSync('{packages,apps}/*/src/**/*.ts', { cwd: root })
  const raw = sources.filter((path) => /\bsql\.raw\b/u.test(readFileSync(join(root, path), 'utf8')))
  expect(sources.length).toBeGreaterThan(500)
  expect(raw.some((path) => FIXED_STATEMENTS.test(path))).toBe(true)
  expect(raw.filter((path) => !FIXED_STATEMENTS.test(path))).toEqual([])
})
