import { LoadBalancer, type LoadBalancerOptions } from '../../src/index.ts'
import { ManualClock } from './manual-clock.ts'
import { seededRandom } from './seeded-random.ts'

/** Ids `a`, `b`, … */
export const idsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => String.fromCodePoint(97 + index))

export interface Opened {
  readonly balancer: LoadBalancer<string>
  readonly clock: ManualClock
  readonly ids: readonly string[]
}

/** A balancer over replicas with these weights, a clock that stands still, and chance that is always the same. */
export const open = (
  weights: readonly number[],
  options: LoadBalancerOptions & { readonly seed?: number } = {},
): Opened => {
  const clock = new ManualClock()
  const { seed = 1, ...more } = options
  const balancer = new LoadBalancer<string>({ clock, random: seededRandom(seed), ...more })
  const ids = idsOf(weights.length)
  balancer.update(ids.map((id, index) => ({ id, target: `http://${id}`, weight: weights[index] })))
  return { balancer, clock, ids }
}

/** The id of the next pick. */
export const pickId = (
  balancer: LoadBalancer<string>,
  choice?: Parameters<typeof balancer.pick>[1],
): string => balancer.pick(undefined, choice)?.id ?? 'nobody'
