import type { CircuitBreaker } from './circuit-breaker.ts'
import type { CircuitState } from './circuit-state.ts'

/** What to measure: a registry, or any iterable of breakers. Read anew at each collection, so evicted ones disappear. */
export type BreakerSource = Iterable<CircuitBreaker | readonly [key: string, breaker: CircuitBreaker]>

/** One number of one breaker. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** One metric family, over all breakers. */
export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter'
  readonly labelNames: readonly string[]
  samples(breaker: CircuitBreaker, name: string): readonly Sample[]
}

const STATES: readonly CircuitState[] = ['closed', 'open', 'half-open', 'isolated']

/** The metrics that the adapters expose; names without a unit or a suffix of their own. */
export const METRIC_FAMILIES: readonly MetricFamily[] = [
  {
    name: 'circuit_breaker_state',
    help: 'Whether the circuit breaker is in this state (1) or not (0).',
    type: 'gauge',
    labelNames: ['name', 'state'],
    samples: (breaker, name) => {
      const current = breaker.state
      return STATES.map((state) => ({ labels: { name, state }, value: state === current ? 1 : 0 }))
    },
  },
  {
    name: 'circuit_breaker_outstanding',
    help: 'Calls admitted and not settled yet.',
    type: 'gauge',
    labelNames: ['name'],
    samples: ({ stats }, name) => [{ labels: { name }, value: stats.outstanding }],
  },
  {
    name: 'circuit_breaker_calls_total',
    help: 'Calls admitted, by outcome.',
    type: 'counter',
    labelNames: ['name', 'outcome'],
    samples: ({ stats }, name) => [
      { labels: { name, outcome: 'success' }, value: stats.successes },
      { labels: { name, outcome: 'failure' }, value: stats.failures },
      { labels: { name, outcome: 'ignored' }, value: stats.ignored },
      { labels: { name, outcome: 'stale' }, value: stats.stale },
    ],
  },
  {
    name: 'circuit_breaker_rejections_total',
    help: 'Calls refused, by reason.',
    type: 'counter',
    labelNames: ['name', 'reason'],
    samples: ({ stats }, name) =>
      Object.entries(stats.rejected).map(([reason, value]) => ({
        labels: { name, reason },
        value: Number(value),
      })),
  },
  {
    name: 'circuit_breaker_transitions_total',
    help: 'Transitions between states.',
    type: 'counter',
    labelNames: ['name', 'from', 'to'],
    samples: ({ stats }, name) =>
      Object.entries(stats.transitions).map(([edge, value]) => {
        const [from = '', to = ''] = edge.split('->')
        return { labels: { name, from, to }, value }
      }),
  },
]

/** Every sample of one family, over a source. */
export function* collect(family: MetricFamily, source: BreakerSource): Generator<Sample> {
  for (const item of source) {
    const [name, breaker] = 'name' in item ? [item.name, item] : item
    yield* family.samples(breaker, name)
  }
}
