import * as fc from 'fast-check'

import type * as library from '../../src/index.ts'

/** The library under test: the source itself, or a mutant of it. */
export type Library = typeof library

export interface ConsecutiveConfig {
  readonly kind: 'consecutive'
  readonly failures: number
}

export interface CountConfig {
  readonly kind: 'count'
  readonly size: number
  readonly minCalls: number
  readonly failureRate: number | undefined
  readonly slowRate: number | undefined
}

export interface TimeConfig {
  readonly kind: 'time'
  readonly windowMs: number
  readonly buckets: number
  readonly minCalls: number
  readonly failures: number | undefined
  readonly failureRate: number | undefined
  readonly slowRate: number | undefined
}

export interface OverdueConfig {
  readonly kind: 'overdue'
  readonly calls: number
  readonly afterMs: number
}

export type RuleConfig = ConsecutiveConfig | CountConfig | TimeConfig | OverdueConfig

/** One breaker to try: every option that decides a transition. */
export interface Config {
  readonly rules: readonly RuleConfig[]
  readonly openMs: number
  /** 1 is a constant open period. */
  readonly factor: number
  readonly maxOpenMs: number
  readonly recovery: 'decay' | 'reset'
  readonly successes: number
  readonly concurrency: number
  readonly tolerate: number
  readonly probeTimeoutMs: number
  readonly slowMs: number | undefined
  readonly mode: 'enforce' | 'observe'
}

/** Shares that divide awkwardly enough to show a wrong rounding or comparison. */
const share = fc.constantFrom(0.2, 0.25, 0.5, 0.75, 1)
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(arbitrary, { nil: undefined })
const from = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max })

const consecutiveRule: fc.Arbitrary<RuleConfig> = fc.record({
  kind: fc.constant('consecutive'),
  failures: from(1, 4),
})
const countRule: fc.Arbitrary<RuleConfig> = from(1, 9).chain((size) =>
  fc.record({
    kind: fc.constant('count'),
    size: fc.constant(size),
    minCalls: from(1, size),
    failureRate: maybe(share),
    slowRate: maybe(share),
  }),
)
const timeRule: fc.Arbitrary<RuleConfig> = fc.record({
  kind: fc.constant('time'),
  windowMs: fc.constant(1000),
  buckets: fc.constantFrom(1, 2, 5, 10),
  minCalls: from(1, 5),
  failures: maybe(from(1, 4)),
  failureRate: maybe(share),
  slowRate: maybe(share),
})
const overdueRule: fc.Arbitrary<RuleConfig> = fc.record({
  kind: fc.constant('overdue'),
  calls: from(1, 3),
  afterMs: fc.constant(800),
})

export const anyConfig: fc.Arbitrary<Config> = fc
  .record({
    rules: fc.array(fc.oneof(consecutiveRule, countRule, timeRule, overdueRule), {
      minLength: 1,
      maxLength: 2,
    }),
    openMs: fc.constantFrom(500, 1000),
    factor: fc.constantFrom(1, 2),
    maxOpenMs: fc.constantFrom(1000, 4000),
    recovery: fc.constantFrom('decay', 'reset'),
    successes: from(1, 3),
    concurrency: from(1, 3),
    tolerate: from(0, 2),
    probeTimeoutMs: fc.constantFrom(700, 5000),
    slowMs: maybe(fc.constant(300)),
    mode: fc.constantFrom('enforce', 'enforce', 'enforce', 'observe'),
  })
  .map((config) => (countsSlowCalls(config.rules) ? { ...config, slowMs: 300 } : config))

export const countsSlowCalls = (rules: readonly RuleConfig[]): boolean =>
  rules.some((rule) => (rule.kind === 'count' || rule.kind === 'time') && rule.slowRate !== undefined)

/** The options that a config stands for. */
export function optionsOf(library: Library, config: Config): library.CircuitBreakerOptions {
  const {
    successes,
    concurrency,
    tolerate,
    probeTimeoutMs,
    openMs,
    factor,
    maxOpenMs,
    slowMs,
    recovery,
    mode,
  } = config
  const rules = config.rules.map((rule) => {
    if (rule.kind === 'consecutive') return library.consecutive(rule.failures)
    if (rule.kind === 'count') return library.countWindow(rule)
    return rule.kind === 'time' ? library.timeWindow(rule) : library.overdue(rule)
  })
  const [only] = rules
  return {
    name: 'model',
    trip: only !== undefined && rules.length === 1 ? only : library.anyOf(...rules),
    openMs:
      factor === 1 ? openMs : library.backoff({ initialMs: openMs, factor, maxMs: maxOpenMs, jitter: 0 }),
    recovery,
    halfOpen: { successes, concurrency, tolerate, probeTimeoutMs },
    slowMs,
    mode,
    origin: 'here',
    classify: (error) =>
      error instanceof RetryLater
        ? { outcome: 'failure', openMs: error.openMs }
        : library.defaultClassify(error),
  }
}

/** An upstream's own word on when to come back. */
export class RetryLater extends Error {
  readonly openMs: number

  constructor(openMs: number) {
    super('retry later')
    this.openMs = openMs
  }
}
