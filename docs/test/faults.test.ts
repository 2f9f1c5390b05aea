import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { faultsPage, testsOf } from '../faults/faults-page.ts'
import { MISSING } from '../faults/missing.ts'
import { namedTests } from '../faults/named-tests.ts'
import { ROWS } from '../faults/rows.ts'
import { unpadded } from './support/unpadded.ts'

const root = join(import.meta.dirname, '..', '..')
const tests = namedTests(root)

test('every fault, attack and goal has a test, or a sentence about what is missing', () => {
  expect(
    ROWS.map(({ id }) => id).filter((id) => testsOf(id, tests).length === 0 && MISSING[id] === undefined),
  ).toEqual([])
})

test('what tests and sentences are about is in the table', () => {
  const ids = new Set(ROWS.map(({ id }) => id))
  expect(
    [...tests.flatMap(({ rows }) => rows), ...Object.keys(MISSING)].filter((id) => !ids.has(id)),
  ).toEqual([])
})

test('the page of faults is what the tests say', () => {
  const page = readFileSync(join(root, 'docs', 'faults.md'), 'utf8')
  expect(unpadded(page).trim(), 'run `pnpm docs`').toBe(unpadded(faultsPage(root)).trim())
})
