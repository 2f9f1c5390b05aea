/** What the suite says about one thing that it looked at. */
export interface Check {
  readonly id: string
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO'
  readonly errorMessage?: string | undefined
}

/** What came of one scenario. */
export interface ScenarioOutcome {
  readonly scenario: string
  readonly checks: readonly Check[]
  /** Whether the suite counts it; undefined where it makes no difference between scenarios. */
  readonly isScored: boolean
}

export type Verdict = 'passed' | 'warned' | 'failed'

const WORST_FIRST: readonly Verdict[] = ['failed', 'warned', 'passed']

/** The verdict on a scenario: the worst of its checks. One without any check failed. */
export const verdictOf = ({ checks }: ScenarioOutcome): Verdict => {
  if (checks.length === 0 || checks.some(({ status }) => status === 'FAILURE')) return 'failed'
  return checks.some(({ status }) => status === 'WARNING') ? 'warned' : 'passed'
}

/** Whether the first is a worse verdict than the second. */
export const isWorse = (one: Verdict, other: Verdict): boolean =>
  WORST_FIRST.indexOf(one) < WORST_FIRST.indexOf(other)

/** The checks that did not succeed, in the suite's own words. */
export const complaintsOf = ({ checks }: ScenarioOutcome): readonly string[] =>
  checks
    .filter(({ status }) => status === 'FAILURE' || status === 'WARNING')
    .map(({ id, status, errorMessage = '' }) => `${status} ${id}: ${errorMessage}`)

/** How many checks succeeded. */
export const successesOf = ({ checks }: ScenarioOutcome): number =>
  checks.filter(({ status }) => status === 'SUCCESS').length
