import { expect, test } from 'vitest'

import { createRunId, isLeftOver } from '../src/services/run-id.ts'

const began = new Date('2026-03-04T05:06:07.890Z')
const hoursLater = (hours: number): Date => new Date(began.getTime() + hours * 3_600_000)

test('a run is named for the moment at which it began, and no two runs share a name', () => {
  const names = Array.from({ length: 50 }, () => createRunId(began))
  expect(new Set(names).size).toBe(50)
  for (const name of names) expect(name).toMatch(/^mreg_test_20260304t050607_[0-9a-f]{8}$/)
})

test('a name fits into what PostgreSQL keeps of a database name', () => {
  expect(createRunId().length).toBeLessThanOrEqual(63)
})

test('a run counts as left over when it began more than a day ago, not before', () => {
  const name = createRunId(began)
  expect(isLeftOver(name, hoursLater(23.9))).toBe(false)
  expect(isLeftOver(name, hoursLater(24.1))).toBe(true)
  expect(isLeftOver(`${name}:some:key`, hoursLater(24.1))).toBe(true)
})

test.each(['mreg_test_', 'mreg_test_mine', 'mreg_testing_20260304t050607_0a1b2c3d', 'postgres'])(
  'the name %s is nobody’s run and is left alone',
  (name) => {
    expect(isLeftOver(name, hoursLater(1000))).toBe(false)
  },
)
