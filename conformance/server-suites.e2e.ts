import { afterAll, beforeAll, expect, test } from 'vitest'

import { compare, compareWith, faultsOf, settled } from './src/comparison.ts'
import type { ScenarioOutcome } from './src/outcome.ts'
import { requirements, SHORT_SERVER_SUITES, titleOf } from './src/suite.ts'
import { startTargets, type Targets } from './src/targets.ts'

let targets: Targets
let outcomes: readonly ScenarioOutcome[] | undefined
beforeAll(async () => {
  targets = await startTargets('build')
})
afterAll(() => targets[Symbol.asyncDispose]())

test.each(SHORT_SERVER_SUITES.map((suite) => [titleOf(suite), suite] as const))(
  'the official suite says the same directly and through the gateway: %s',
  { timeout: 300_000 },
  async (_title, suite) => {
    const comparison = await compare(suite, targets.direct, targets.through)
    expect(comparison.pairs.length).toBeGreaterThan(0)
    expect(faultsOf(comparison)).toEqual([])
  },
)

test.each([
  'everything, to a key with rules',
  'HTTP+SSE',
  'stdio, legacy',
  'stdio, modern',
  'HTTP, modern',
] as const)(
  'an older client finds everything behind the gateway whatever the server speaks: %s',
  { timeout: 300_000 },
  async (form) => {
    const suite = requirements('2025-11-25')
    outcomes ??= await settled(suite, targets.direct)
    expect(faultsOf(await compareWith({ suite, outcomes }, targets.otherForms[form]))).toEqual([])
  },
)
