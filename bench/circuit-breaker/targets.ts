import type { BundleSize } from './bundle-size.ts'
import type { ClosedCalls } from './closed-calls.ts'
import type { Memory } from './memory.ts'

export interface Measurements {
  readonly closed: ClosedCalls
  readonly pairs: Map<string, number>
  readonly rejections: Map<string, number>
  readonly memory: Map<string, Memory>
  readonly bundles: Map<string, BundleSize>
}

export interface Target {
  readonly name: string
  readonly measured: number
  readonly limit: number
  /** Whether the limit is the most that may be, or the least that must be. */
  readonly kind: 'at most' | 'at least'
}

const of = <Value>(map: Map<string, Value>, name: string): Value => {
  const value = map.get(name)
  if (value === undefined) throw new Error(`nothing was measured for "${name}"`)
  return value
}

/** What this library sets out to reach, held against one run. Nothing fails by it: machines differ, ratios hardly. */
export function targetsOf({ closed, pairs, rejections, memory, bundles }: Measurements): Target[] {
  const overhead = (name: string): number => of(closed.results, name) - closed.bare
  const gzipped = (name: string): number => of(bundles, name).gzipped
  const weight = (name: string): number => of(memory, name).heap + of(memory, name).offHeap
  const refused = (rival: string, ours: string): number => of(rejections, rival) / of(rejections, ours)
  const own = overhead('execute, consecutive')
  return [
    {
      name: 'closed execute, overhead over cockatiel',
      measured: own / overhead('cockatiel, consecutive'),
      limit: 0.7,
      kind: 'at most',
    },
    {
      name: 'closed execute, overhead over opossum',
      measured: own / overhead('opossum, default'),
      limit: 0.1,
      kind: 'at most',
    },
    { name: 'permit pair, consecutive, ns', measured: of(pairs, 'consecutive'), limit: 20, kind: 'at most' },
    {
      name: 'permit pair, own timestamps, ns',
      measured: of(pairs, 'the same, with the caller’s timestamps'),
      limit: 30,
      kind: 'at most',
    },
    {
      name: 'tryAcquire refused, times faster than cockatiel',
      measured: refused('cockatiel execute()', 'tryAcquire() === null'),
      limit: 50,
      kind: 'at least',
    },
    {
      name: 'execute refused, times faster than cockatiel',
      measured: refused('cockatiel execute()', 'execute()'),
      limit: 3,
      kind: 'at least',
    },
    {
      name: 'heap per breaker, consecutive, bytes',
      measured: of(memory, 'consecutive, shared policy').heap,
      limit: 400,
      kind: 'at most',
    },
    {
      name: 'memory per breaker, time window, bytes',
      measured: weight('time window, 10 steps'),
      limit: 900,
      kind: 'at most',
    },
    {
      name: 'bundle of the core, gzipped bytes',
      measured: gzipped('CircuitBreaker and consecutive'),
      limit: 3072,
      kind: 'at most',
    },
    {
      name: 'bundle of everything, gzipped bytes',
      measured: gzipped('all and both metric adapters'),
      limit: 5120,
      kind: 'at most',
    },
  ]
}

export const isMet = ({ measured, limit, kind }: Target): boolean =>
  kind === 'at most' ? measured <= limit : measured >= limit
