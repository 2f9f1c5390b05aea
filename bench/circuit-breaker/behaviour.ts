import { setTimeout } from 'node:timers/promises'

import { CircuitBreaker, consecutive } from '@mreg/circuit-breaker'
import { circuitBreaker, CircuitState, ConsecutiveBreaker, handleAll } from 'cockatiel'
import Opossum from 'opossum'

const OPEN_MS = 40
const WAIT_MS = OPEN_MS + 20

/** A breaker that opens at the first failure, whoever made it. */
interface Subject {
  call(work: () => Promise<unknown>): Promise<unknown>
  /** As it says of itself. */
  state(): string
}

const subjects: Record<string, () => Subject> = {
  ours: () => {
    const breaker = new CircuitBreaker({
      trip: consecutive(1),
      openMs: OPEN_MS,
      halfOpen: { probeTimeoutMs: OPEN_MS },
    })
    return { call: (work) => breaker.execute(work), state: () => breaker.state }
  },
  opossum: () => {
    const breaker = new Opossum((work: () => Promise<unknown>) => work(), {
      timeout: false,
      resetTimeout: OPEN_MS,
      errorThresholdPercentage: 1,
    })
    return {
      call: (work) => breaker.fire(work),
      state: () => (breaker.opened ? 'open' : breaker.halfOpen ? 'half-open' : 'closed'),
    }
  },
  cockatiel: () => {
    const policy = circuitBreaker(handleAll, { halfOpenAfter: OPEN_MS, breaker: new ConsecutiveBreaker(1) })
    return { call: (work) => policy.execute(work), state: () => CircuitState[policy.state].toLowerCase() }
  },
}

const down = (): Promise<never> => Promise.reject(new Error('down'))
const hang = (): Promise<never> => new Promise(() => {})
const quietly = (promise: Promise<unknown>): Promise<'done' | 'failed'> =>
  promise.then(
    () => 'done',
    () => 'failed',
  )

/** A call of before the failure ends in half-open, while a probe is out or none is. */
async function hearsLateResults(subject: Subject): Promise<boolean> {
  const lateSuccess = Promise.withResolvers<void>()
  const lateFailure = Promise.withResolvers<void>()
  const pending = [subject.call(() => lateSuccess.promise), subject.call(() => lateFailure.promise)].map(
    quietly,
  )
  await quietly(subject.call(down))
  await setTimeout(WAIT_MS)
  lateSuccess.resolve()
  await pending[0]
  const closed = subject.state() === 'closed'
  const probe = Promise.withResolvers<void>()
  const probing = quietly(subject.call(() => probe.promise))
  lateFailure.reject(new Error('late'))
  await pending[1]
  probe.resolve()
  await probing
  return closed || subject.state() !== 'closed'
}

/** Callers beyond the probe neither get through nor an answer. */
async function queuesInHalfOpen(subject: Subject): Promise<boolean> {
  await quietly(subject.call(down))
  await setTimeout(WAIT_MS)
  void quietly(subject.call(hang))
  const answer = await Promise.race([quietly(subject.call(() => Promise.resolve())), setTimeout(5, 'waits')])
  return answer === 'waits'
}

/** After a probe that never comes back, a healthy upstream stays shut off. */
async function isStrandedByHungProbe(subject: Subject): Promise<boolean> {
  await quietly(subject.call(down))
  await setTimeout(WAIT_MS)
  void quietly(subject.call(hang))
  await setTimeout(3 * WAIT_MS)
  const healthy = quietly(subject.call(() => Promise.resolve()))
  return (await Promise.race([healthy, setTimeout(5, 'waits')])) !== 'done'
}

/** Someone sets the wall clock back an hour while it is open. */
async function isHeldByWallClock(subject: Subject): Promise<boolean> {
  const { now } = Date
  await quietly(subject.call(down))
  Date.now = () => now() - 3_600_000
  try {
    await setTimeout(3 * WAIT_MS)
    return (await quietly(subject.call(() => Promise.resolve()))) === 'failed'
  } finally {
    Date.now = now
  }
}

const trials: Record<string, (subject: Subject) => Promise<boolean>> = {
  'late results are heard in half-open': hearsLateResults,
  'callers queue behind a probe': queuesInHalfOpen,
  'a hung probe shuts a healthy upstream off': isStrandedByHungProbe,
  'a wall clock set back keeps it open': isHeldByWallClock,
}

/** What each breaker does where it can do wrong; a row for each trial. */
export async function tryBehaviour(): Promise<string[][]> {
  const rows: string[][] = []
  for (const [name, trial] of Object.entries(trials)) {
    const row = [name]
    // One after the other: they change the clock of the process.
    // oxlint-disable-next-line no-await-in-loop
    for (const make of Object.values(subjects)) row.push((await trial(make())) ? 'yes' : 'no')
    rows.push(row)
  }
  return rows
}
