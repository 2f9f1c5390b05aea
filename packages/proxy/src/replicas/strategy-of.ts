import type { BalancingSettings, BalancingStrategy } from '@mreg/core'
import {
  consistentHash,
  leastConnections,
  peakEwma,
  random,
  roundRobin,
  type SlowStartOptions,
  type Strategy,
  weighted,
} from '@mreg/load-balancing'

const STRATEGIES: Readonly<Record<BalancingStrategy, Strategy>> = {
  'peak-ewma': peakEwma(),
  'least-connections': leastConnections(),
  'round-robin': roundRobin(),
  weighted: weighted(),
  random: random(),
  'consistent-hash': consistentHash(),
}

/** The strategy that the settings of a server name. */
export const strategyOf = ({ strategy = 'peak-ewma' }: BalancingSettings): Strategy => STRATEGIES[strategy]

/** How endpoints of a server warm up; undefined: they do not. */
export const slowStartOf = ({ slowStartMs }: BalancingSettings): SlowStartOptions | undefined =>
  slowStartMs === 0 ? undefined : { durationMs: slowStartMs }
