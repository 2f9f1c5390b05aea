import type { Comparison } from './comparison.ts'
import { type ScenarioOutcome, successesOf, verdictOf } from './outcome.ts'
import { titleOf } from './suite.ts'

const passed = (outcomes: readonly ScenarioOutcome[]): string =>
  `${outcomes.filter((outcome) => verdictOf(outcome) !== 'failed').length} of ${outcomes.length}`

const checks = (outcomes: readonly ScenarioOutcome[]): number =>
  outcomes.reduce((sum, outcome) => sum + successesOf(outcome), 0)

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`

const said = (outcome: ScenarioOutcome): string => {
  const verdict = verdictOf(outcome)
  return `${verdict}, ${successesOf(outcome)}`
}

/** The table of one suite, scenario by scenario. */
export const tableOf = ({ suite, pairs }: Comparison): string =>
  [
    titleOf(suite),
    ...pairs.map(({ direct, through }) => {
      const scored = direct.isScored ? '' : ' (not scored)'
      return `  ${(direct.scenario + scored).padEnd(58)}${said(direct).padEnd(14)}${said(through)}`
    }),
  ].join('\n')

/** The whole of it, as a page. */
export const pageOf = (comparisons: readonly Comparison[]): string => {
  const everyScenario = new Map<string, string>()
  for (const { suite, pairs } of comparisons) {
    if (suite.arguments[0] !== '--requirements' && suite.arguments.length > 2) continue
    for (const { direct, through } of pairs) {
      const key = `${suite.release} ${suite.arguments.join(' ')} ${direct.scenario}`
      const title = direct.isScored ? direct.scenario : `${direct.scenario} (not scored)`
      everyScenario.set(key, row(titleOf(suite), title, said(direct), said(through)))
    }
  }
  return [
    '# Conformance',
    '',
    'Written by `pnpm conformance`; do not edit. The official suite runs against a server of our own, first directly, then',
    'through the gateway at `/mcp/{slug}`. There is no list of expected failures. The command ends with 1 when a scored scenario',
    'fails directly, or any scenario is worse through the gateway.',
    '',
    '## Suites',
    '',
    row('suite', 'directly', 'through the gateway', 'checks directly', 'checks through'),
    row('---', '---', '---', '---', '---'),
    ...comparisons.map(({ suite, pairs }) => {
      const direct = pairs.map((pair) => pair.direct)
      const through = pairs.map((pair) => pair.through)
      return row(
        titleOf(suite),
        passed(direct),
        passed(through),
        String(checks(direct)),
        String(checks(through)),
      )
    }),
    '',
    'Some checks apply only to an answer that comes as an event stream. The gateway answers with JSON when the response is',
    'there soon, and goes on by itself with a stream that the server breaks off, so there are fewer checks through it.',
    '',
    '## Scenarios',
    '',
    'The verdict on each, and how many of its checks succeeded.',
    '',
    row('suite', 'scenario', 'directly', 'through the gateway'),
    row('---', '---', '---', '---'),
    ...everyScenario.values(),
    '',
  ].join('\n')
}
