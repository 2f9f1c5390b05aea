import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { type ClientRun, requiredClientScenarios, runClientScenario } from './client-suite.ts'
import { compare, compareWith, type Comparison, faultsOf, settled } from './comparison.ts'
import { isConverted, OTHER_FORMS } from './other-forms.ts'
import { complaintsOf, verdictOf } from './outcome.ts'
import { pageOf } from './page.ts'
import { said, tableOf } from './report.ts'
import { requirements, SERVER_SUITES, titleOf } from './suite.ts'
import { startTargets } from './targets.ts'

const page = fileURLToPath(new URL('../../docs/conformance.md', import.meta.url))

await using targets = await startTargets('source')
const comparisons: Comparison[] = []
for (const suite of SERVER_SUITES) {
  const comparison = await compare(suite, targets.direct, targets.through)
  comparisons.push(comparison)
  process.stdout.write(`${tableOf(comparison)}\n\n`)
}
const forms = []
for (const revision of ['2025-11-25', '2026-07-28'] as const) {
  const suite = requirements(revision)
  const outcomes = await settled(suite, targets.direct)
  for (const form of OTHER_FORMS) {
    const comparison = await compareWith(
      { suite, outcomes },
      targets.otherForms[form],
      isConverted(form, suite) ? 0 : undefined,
    )
    forms.push({ form, comparison })
    process.stdout.write(`${form}: ${tableOf(comparison)}\n\n`)
  }
}
const clients: ClientRun[] = []
for (const revision of ['2025-11-25', '2026-07-28'] as const) {
  for (const scenario of await requiredClientScenarios(revision)) {
    const outcome = await runClientScenario(scenario, revision, targets.gateway)
    clients.push({ revision, outcome })
    process.stdout.write(`client, ${revision}: ${scenario} ${said(outcome)}\n`)
  }
}
await writeFile(page, pageOf(comparisons, forms, clients))

const faults = [
  ...comparisons.flatMap((comparison) =>
    faultsOf(comparison).map((fault) => `${titleOf(comparison.suite)}: ${fault}`),
  ),
  ...forms
    .filter(({ form, comparison }) => !isConverted(form, comparison.suite))
    .flatMap(({ form, comparison }) =>
      faultsOf(comparison).map((fault) => `${form}, ${titleOf(comparison.suite)}: ${fault}`),
    ),
]
for (const { revision, outcome } of clients) {
  if (verdictOf(outcome) === 'failed')
    faults.push(`client, ${revision}: ${outcome.scenario}: ${complaintsOf(outcome).join('; ')}`)
}
for (const fault of faults) process.stdout.write(`FAULT ${fault}\n`)
process.stdout.write(
  `${faults.length === 0 ? 'Through the gateway all is as it is directly, and no client scenario fails.' : ''}\n`,
)
process.exitCode = faults.length === 0 ? 0 : 1
