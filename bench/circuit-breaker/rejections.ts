import { CircuitBreaker } from '@mreg/circuit-breaker'
import { circuitBreaker, ConsecutiveBreaker, handleAll } from 'cockatiel'
import Opossum from 'opossum'

import { measure, type Candidate } from './measure.ts'

const HOUR_MS = 3_600_000
const work = async (): Promise<number> => 1

const rejecting = (name: string, call: () => Promise<unknown>): Candidate => ({
  name,
  batch: async (calls) => {
    for (let index = 0; index < calls; index++) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one after the other is what is measured
        await call()
      } catch {
        continue
      }
      throw new Error(`${name}: a call was not refused`)
    }
  },
})

/** What an open circuit costs those whom it refuses. */
export async function measureRejections(): Promise<Map<string, number>> {
  const opossum = new Opossum(work, { resetTimeout: HOUR_MS })
  opossum.open()
  const cockatiel = circuitBreaker(handleAll, { halfOpenAfter: HOUR_MS, breaker: new ConsecutiveBreaker(1) })
  await cockatiel.execute(() => Promise.reject(new Error('down'))).catch(() => {})
  const ours = new CircuitBreaker({ openMs: HOUR_MS })
  ours.trip()
  try {
    return await measure([
      rejecting('opossum fire()', () => opossum.fire()),
      rejecting('cockatiel execute()', () => cockatiel.execute(work)),
      rejecting('execute()', () => ours.execute(work)),
      {
        name: 'tryAcquire() === null',
        batch: (calls) => {
          let refused = 0
          for (let index = 0; index < calls; index++) if (ours.tryAcquire() === null) refused++
          if (refused !== calls) throw new Error('a call was not refused')
        },
      },
    ])
  } finally {
    opossum.shutdown()
  }
}
