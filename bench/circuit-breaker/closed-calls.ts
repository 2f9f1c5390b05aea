import { CircuitBreaker, consecutive, countWindow, timeWindow } from '@mreg/circuit-breaker'
import {
  circuitBreaker,
  ConsecutiveBreaker,
  CountBreaker,
  handleAll,
  SamplingBreaker,
  type IBreaker,
} from 'cockatiel'
import Opossum from 'opossum'

import { measure, type Candidate } from './measure.ts'

const work = async (): Promise<number> => 1

const calling = (name: string, call: () => Promise<unknown>): Candidate => ({
  name,
  batch: async (calls) => {
    // One after the other is what is measured.
    // oxlint-disable-next-line no-await-in-loop
    for (let index = 0; index < calls; index++) await call()
  },
})

const handWritten = async (): Promise<number> => {
  try {
    return await work()
  } catch (error) {
    throw new Error('failed', { cause: error })
  }
}

const withPermit = (breaker: CircuitBreaker) => async (): Promise<number> => {
  const permit = breaker.acquire()
  try {
    const result = await work()
    permit.success()
    return result
  } catch (error) {
    permit.failure(error)
    throw error
  }
}

const cockatiel = (breaker: IBreaker): (() => Promise<unknown>) => {
  const policy = circuitBreaker(handleAll, { halfOpenAfter: 60_000, breaker })
  return () => policy.execute(work)
}

export interface ClosedCalls {
  /** Nanoseconds per call. */
  readonly results: Map<string, number>
  readonly bare: number
}

/** What a call through a closed circuit costs. */
export async function measureClosedCalls(): Promise<ClosedCalls> {
  const opossum = new Opossum(work)
  const opossumLean = new Opossum(work, {
    timeout: false,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
  })
  const opossumNoTimeout = new Opossum(work, { timeout: false })
  const ours = {
    consecutive: new CircuitBreaker({ trip: consecutive(5) }),
    count: new CircuitBreaker({ trip: countWindow({ size: 100 }) }),
    time: new CircuitBreaker({ trip: timeWindow({ windowMs: 10_000 }) }),
    slow: new CircuitBreaker({
      trip: timeWindow({ windowMs: 10_000, failureRate: 0.5, slowRate: 0.5 }),
      slowMs: 1000,
    }),
  }
  const candidates = [
    calling('bare await', work),
    calling('hand-written try/await/catch', handWritten),
    calling('opossum, default', () => opossum.fire()),
    calling('opossum, no time-out', () => opossumNoTimeout.fire()),
    calling('opossum, no time-out, no percentiles', () => opossumLean.fire()),
    calling('cockatiel, consecutive', cockatiel(new ConsecutiveBreaker(5))),
    calling('cockatiel, count', cockatiel(new CountBreaker({ threshold: 0.5, size: 100 }))),
    calling('cockatiel, sampling', cockatiel(new SamplingBreaker({ threshold: 0.5, duration: 10_000 }))),
    calling('execute, consecutive', () => ours.consecutive.execute(work)),
    calling('execute, count window', () => ours.count.execute(work)),
    calling('execute, time window', () => ours.time.execute(work)),
    calling('execute, time window and slow calls', () => ours.slow.execute(work)),
    calling('permit in an async function, consecutive', withPermit(ours.consecutive)),
    calling('permit in an async function, time and slow', withPermit(ours.slow)),
  ]
  try {
    const results = await measure(candidates)
    return { results, bare: results.get('bare await') ?? Number.NaN }
  } finally {
    for (const breaker of [opossum, opossumLean, opossumNoTimeout]) breaker.shutdown()
  }
}
