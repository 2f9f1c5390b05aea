import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { compare, type Comparison, faultsOf } from './comparison.ts'
import { pageOf, tableOf } from './report.ts'
import { SERVER_SUITES, titleOf } from './suite.ts'
import { startTargets } from './targets.ts'

const page = fileURLToPath(new URL('../../docs/conformance.md', import.meta.url))

await using targets = await startTargets('source')
const comparisons: Comparison[] = []
for (const suite of SERVER_SUITES) {
  const comparison = await compare(suite, targets)
  comparisons.push(comparison)
  process.stdout.write(`${tableOf(comparison)}\n\n`)
}
await writeFile(page, pageOf(comparisons))

const faults = comparisons.flatMap((comparison) =>
  faultsOf(comparison).map((fault) => `${titleOf(comparison.suite)}: ${fault}`),
)
for (const fault of faults) process.stdout.write(`FAULT ${fault}\n`)
process.stdout.write(`${faults.length === 0 ? 'Through the gateway all is as it is directly.' : ''}\n`)
process.exitCode = faults.length === 0 ? 0 : 1
