import { OUTCOMES, type Classification } from './outcome.ts'
import { report, type CircuitPolicy } from './policy.ts'

/** What the user's own `classify` says of a call; undefined when there is none, or none that can be used. */
export function askClassify(
  policy: CircuitPolicy,
  error: unknown,
  result: unknown,
): Classification | undefined {
  const { classify } = policy
  if (classify === undefined) return undefined
  try {
    const verdict = classify(error, result)
    const advice = typeof verdict === 'string' ? { outcome: verdict } : verdict
    if (OUTCOMES.includes(advice.outcome)) return advice
    throw new TypeError(`circuit breaker option "classify" answered ${advice.outcome}`)
  } catch (fault) {
    report(policy, fault)
    return undefined
  }
}

/** For how long the upstream asked to be left alone, in milliseconds; undefined when it did not, or asked nonsense. */
export function usableOpenMs(advice: Classification | undefined): number | undefined {
  const openMs = advice?.openMs
  return openMs !== undefined && openMs > 0 && openMs < Infinity ? openMs : undefined
}
