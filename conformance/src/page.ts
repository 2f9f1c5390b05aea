import type { ClientRun } from './client-suite.ts'
import type { Comparison } from './comparison.ts'
import type { FormOfServer } from './other-forms.ts'
import { complaintsOf, isWorse, type ScenarioOutcome, successesOf, verdictOf } from './outcome.ts'
import { said } from './report.ts'
import { titleOf } from './suite.ts'

const passed = (outcomes: readonly ScenarioOutcome[]): string =>
  `${outcomes.filter((outcome) => verdictOf(outcome) !== 'failed').length} of ${outcomes.length}`

const checks = (outcomes: readonly ScenarioOutcome[]): number =>
  outcomes.reduce((sum, outcome) => sum + successesOf(outcome), 0)

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`

/** The whole of it, as a page. */
export const pageOf = (
  comparisons: readonly Comparison[],
  forms: readonly FormOfServer[],
  clients: readonly ClientRun[],
): string => {
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
    'through the gateway at `/mcp/{slug}`. The gateway wants a key (`MREG_AUTH_MODE=required`), and the suite comes with one. There',
    'is no list of expected failures. The command ends with 1 when a scored scenario fails directly, or any scenario is worse',
    'through the gateway. A scenario that fails is run again, alone, up to twice.',
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
    '## Other forms of the server',
    '',
    'The same server behind the gateway to a client that has a key with rules, and when it speaks less: one era, another transport.',
    'Where the client speaks the same era, or only an older one, nothing may be worse than directly. A newer client of an older',
    'server cannot have everything: older servers ask one question at a time and under no key, know no tasks, and cannot say which',
    'ability of the client they miss.',
    'To a key with rules the gateway answers lists from its catalog, and looks at everything before the server does.',
    'A process sees no headers, so it does not check `Mcp-Param-*`, and neither does the gateway for it.',
    '',
    row('the server speaks', 'suite', 'scored', 'all', 'worse than directly'),
    row('---', '---', '---', '---', '---'),
    ...forms.map(({ form, comparison }) => {
      const through = comparison.pairs.map((pair) => pair.through)
      const worse = comparison.pairs.filter(({ direct, through: other }) =>
        isWorse(verdictOf(other), verdictOf(direct)),
      )
      return row(
        form,
        titleOf(comparison.suite),
        passed(through.filter(({ isScored }) => isScored)),
        passed(through),
        worse.length === 0 ? 'none' : worse.map(({ direct }) => direct.scenario).join(', '),
      )
    }),
    '',
    '## The gateway as a client',
    '',
    "The suite's servers, registered at the gateway and used through it: what they see is the gateway as a client, which also",
    'logs in where they want that. One scenario at a time. A warning is about something that a client should, and need not, do.',
    '',
    row('scenario', 'version', 'verdict, checks that succeeded', 'says'),
    row('---', '---', '---', '---'),
    ...clients.map(({ revision, outcome }) =>
      row(
        outcome.scenario,
        revision,
        said(outcome),
        complaintsOf(outcome)
          .map((complaint) => complaint.replace(/:\s*$/u, ''))
          .join('; '),
      ),
    ),
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
