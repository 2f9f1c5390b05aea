import { afterAll, beforeAll, expect, test } from 'vitest'

import { compare, faultsOf } from './src/comparison.ts'
import { SHORT_SERVER_SUITES, titleOf } from './src/suite.ts'
import { startTargets } from './src/targets.ts'

let targets: Awaited<ReturnType<typeof startTargets>>
beforeAll(async () => {
  targets = await startTargets('build')
})
afterAll(() => targets[Symbol.asyncDispose]())

test.each(SHORT_SERVER_SUITES.map((suite) => [titleOf(suite), suite] as const))(
  'the official suite says the same directly and through the gateway: %s',
  { timeout: 300_000 },
  async (_title, suite) => {
    const comparison = await compare(suite, targets)
    expect(comparison.pairs.length).toBeGreaterThan(0)
    expect(faultsOf(comparison)).toEqual([])
  },
)
