import { complaintsOf, isWorse, type ScenarioOutcome, verdictOf } from './outcome.ts'
import { runSuite } from './run-suite.ts'
import type { Suite } from './suite.ts'

/** One scenario, directly and through the gateway. */
export interface ScenarioPair {
  readonly direct: ScenarioOutcome
  readonly through: ScenarioOutcome
}

/** One suite, directly and through the gateway. */
export interface Comparison {
  readonly suite: Suite
  readonly pairs: readonly ScenarioPair[]
}

/**
 * How often a scenario that did not pass is run again, alone. Some of the suite's own time windows are half a second, which a
 * busy machine misses.
 */
const SECOND_TRIES = 2

/** Runs a suite against the server at both URLs at once, and again what did not pass. */
export const compare = async (suite: Suite, directUrl: string, throughUrl: string): Promise<Comparison> => {
  const [direct, through] = await Promise.all([settled(suite, directUrl), settled(suite, throughUrl)])
  return paired(suite, direct, through)
}

/**
 * Compares what is known of a suite with what it says of the server at another URL.
 *
 * @param tries - how often what fails is run again. Default 2.
 */
export const compareWith = async (
  direct: { readonly suite: Suite; readonly outcomes: readonly ScenarioOutcome[] },
  throughUrl: string,
  tries = SECOND_TRIES,
): Promise<Comparison> => {
  const { suite, outcomes } = direct
  return paired(suite, outcomes, await settled(suite, throughUrl, tries))
}

const paired = (
  suite: Suite,
  direct: readonly ScenarioOutcome[],
  through: readonly ScenarioOutcome[],
): Comparison => ({
  suite,
  pairs: direct.map((outcome) => ({
    direct: outcome,
    through: through.find(({ scenario }) => scenario === outcome.scenario) ?? { ...outcome, checks: [] },
  })),
})

/** What came of each scenario, after second tries. */
export const settled = async (
  suite: Suite,
  url: string,
  tries = SECOND_TRIES,
): Promise<readonly ScenarioOutcome[]> => {
  const outcomes: ScenarioOutcome[] = []
  for (const outcome of await runSuite(suite, url)) {
    outcomes.push(verdictOf(outcome) === 'failed' ? await again(suite, url, outcome, tries) : outcome)
  }
  return outcomes
}

const again = async (
  suite: Suite,
  url: string,
  failed: ScenarioOutcome,
  tries: number,
): Promise<ScenarioOutcome> => {
  if (tries === 0) return failed
  const [outcome] = await runSuite(suite, url, failed.scenario)
  const next = outcome === undefined ? failed : { ...outcome, isScored: failed.isScored }
  return verdictOf(next) === 'failed' ? again(suite, url, next, tries - 1) : next
}

/** What is wrong with a comparison: a scored scenario that fails directly, and whatever is worse through the gateway. */
export const faultsOf = ({ pairs }: Comparison): readonly string[] =>
  pairs.flatMap(({ direct, through }) => {
    const { scenario } = direct
    if (isWorse(verdictOf(through), verdictOf(direct))) {
      return [`${scenario} is worse through the gateway: ${complaintsOf(through).join('; ')}`]
    }
    return direct.isScored && verdictOf(direct) === 'failed'
      ? [`${scenario} fails directly: ${complaintsOf(direct).join('; ')}`]
      : []
  })
