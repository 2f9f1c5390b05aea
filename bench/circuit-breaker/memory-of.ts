import { setTimeout } from 'node:timers/promises'

import {
  CircuitBreaker,
  CircuitBreakerRegistry,
  consecutive,
  countWindow,
  definePolicy,
  timeWindow,
} from '@mreg/circuit-breaker'
import {
  circuitBreaker,
  ConsecutiveBreaker,
  CountBreaker,
  handleAll,
  SamplingBreaker,
  type IBreaker,
} from 'cockatiel'
import Opossum from 'opossum'

/**
 * A process of its own for each kind: `node --expose-gc memory-of.ts <kind>`. Prints, as JSON, bytes per breaker on the heap
 * and off it, and the share of a core that they take when left alone.
 */
const BREAKERS = 100_000
const IDLE_MS = 2000

const work = async (): Promise<number> => 1
const broken = (): Promise<number> => Promise.reject(down)
const down = new Error('down')

/** Each has seen one failure and one success, so that everything it makes at first use is there. */
const usedPermit = (breaker: CircuitBreaker): unknown => {
  breaker.acquire().failure(down)
  breaker.acquire().success()
  return breaker
}
const usedCockatiel = async (breaker: IBreaker): Promise<unknown> => {
  const policy = circuitBreaker(handleAll, { halfOpenAfter: 60_000, breaker })
  await policy.execute(broken).catch(() => {})
  await policy.execute(work)
  return policy
}
const usedOpossum = async (options: Record<string, unknown>): Promise<unknown> => {
  let broke = false
  const action = (): Promise<number> => (broke ? work() : broken())
  const breaker = new Opossum(action, { volumeThreshold: 10, ...options })
  await breaker.fire().catch(() => {})
  broke = true
  await breaker.fire()
  return breaker
}

const consecutivePolicy = definePolicy({ trip: consecutive(5) })
const countPolicy = definePolicy({ trip: countWindow({ size: 100 }) })
const timePolicy = definePolicy({ trip: timeWindow() })
const registry = new CircuitBreakerRegistry({ max: BREAKERS + 1000, defaults: { trip: consecutive(5) } })

const kinds: Record<string, (index: number) => unknown> = {
  'opossum, default': () => usedOpossum({}),
  'opossum, lean': () =>
    usedOpossum({ timeout: false, rollingPercentilesEnabled: false, enableSnapshots: false }),
  'cockatiel, consecutive': () => usedCockatiel(new ConsecutiveBreaker(5)),
  'cockatiel, count': () => usedCockatiel(new CountBreaker({ threshold: 0.5, size: 100 })),
  'cockatiel, sampling': () => usedCockatiel(new SamplingBreaker({ threshold: 0.5, duration: 10_000 })),
  'consecutive, shared policy': () => usedPermit(new CircuitBreaker(consecutivePolicy)),
  'consecutive, options each': () => usedPermit(new CircuitBreaker({ trip: consecutive(5), openMs: 60_000 })),
  'count window of 100': () => usedPermit(new CircuitBreaker(countPolicy)),
  'time window, 10 steps': () => usedPermit(new CircuitBreaker(timePolicy)),
  'consecutive, in a registry with its key': (index) => usedPermit(registry.get(`upstream-${index}`)),
}

const [, , kind = ''] = process.argv
if (kind === '--list') console.log(JSON.stringify(Object.keys(kinds)))
else {
  const make = kinds[kind]
  const collect = globalThis.gc
  if (make === undefined || collect === undefined)
    throw new Error(`run with --expose-gc and a kind, not "${kind}"`)
  const held: unknown[] = Array.from({ length: BREAKERS })
  const warm: unknown[] = []
  for (let index = 0; index < 200; index++) warm.push(await make(-index))
  collect()
  const before = process.memoryUsage()
  for (let index = 0; index < BREAKERS; index++) {
    const made = make(index)
    // oxlint-disable-next-line no-await-in-loop -- one at a time, or the promises would be measured too
    held[index] = made instanceof Promise ? await made : made
  }
  collect()
  const after = process.memoryUsage()
  const cpuBefore = process.cpuUsage()
  await setTimeout(IDLE_MS)
  const cpu = process.cpuUsage(cpuBefore)
  const heap = (after.heapUsed - before.heapUsed) / BREAKERS
  const offHeap = (after.arrayBuffers - before.arrayBuffers) / BREAKERS
  console.log(
    JSON.stringify({
      heap,
      offHeap,
      idleShare: (cpu.user + cpu.system) / 1000 / IDLE_MS,
      count: held.length + warm.length,
    }),
  )
  process.exit(0)
}
