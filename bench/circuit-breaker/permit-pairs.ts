import { CircuitBreaker, consecutive, countWindow, timeWindow } from '@mreg/circuit-breaker'

import { measure, type Candidate } from './measure.ts'

const pairs = (name: string, breaker: CircuitBreaker): Candidate => ({
  name,
  batch: (calls) => {
    for (let index = 0; index < calls; index++) breaker.tryAcquire()?.success()
  },
})

/** The cost of taking a permit and settling it, without any promise: what a proxy pays per request. */
export function measurePermitPairs(): Promise<Map<string, number>> {
  const slowCalls = { trip: timeWindow({ failureRate: 0.5, slowRate: 0.5 }), slowMs: 1000 }
  const stamped = new CircuitBreaker(slowCalls)
  const now = performance.now()
  let sink = 0
  return measure([
    {
      name: 'loop alone',
      batch: (calls) => {
        for (let index = 0; index < calls; index++) sink += index & 1
      },
    },
    {
      name: 'performance.now()',
      batch: (calls) => {
        for (let index = 0; index < calls; index++) sink += performance.now()
      },
    },
    pairs('consecutive', new CircuitBreaker({ trip: consecutive(5) })),
    pairs('count window', new CircuitBreaker({ trip: countWindow({ size: 100 }) })),
    pairs('time window', new CircuitBreaker({ trip: timeWindow() })),
    pairs('time window and slow calls', new CircuitBreaker(slowCalls)),
    {
      name: 'the same, with the caller’s timestamps',
      batch: (calls) => {
        for (let index = 0; index < calls; index++) stamped.tryAcquire(now)?.success(now)
      },
    },
  ]).finally(() => sink)
}
