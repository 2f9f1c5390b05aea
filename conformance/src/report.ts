import type { Comparison } from './comparison.ts'
import { type ScenarioOutcome, successesOf, verdictOf } from './outcome.ts'
import { titleOf } from './suite.ts'

/** The verdict on a scenario, and how many of its checks succeeded. */
export const said = (outcome: ScenarioOutcome): string => {
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
