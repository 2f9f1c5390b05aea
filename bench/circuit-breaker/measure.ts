import { setImmediate } from 'node:timers/promises'

import { Bench } from 'tinybench'

/** Something to time: `batch` makes so many calls, one after the other. */
export interface Candidate {
  readonly name: string
  readonly batch: (calls: number) => Promise<void> | void
}

const CALLS_PER_BATCH = 1000
const BATCHES_PER_PASS = 60
const PASSES = 7

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN

/**
 * Nanoseconds per call, by name: the median over passes of each pass's median. The candidates take turns in every pass, so
 * that a noisy moment meets all of them; between batches everyone's timers get to run.
 */
export async function measure(candidates: readonly Candidate[]): Promise<Map<string, number>> {
  const passes = new Map<string, number[]>(candidates.map(({ name }) => [name, []]))
  for (let pass = 0; pass < PASSES; pass++) {
    const bench = new Bench({ time: 0, iterations: BATCHES_PER_PASS, warmupTime: 0, warmupIterations: 5 })
    const turn = pass % candidates.length
    for (const { name, batch } of [...candidates.slice(turn), ...candidates.slice(0, turn)]) {
      bench.add(name, () => batch(CALLS_PER_BATCH), { afterEach: async () => setImmediate() })
    }
    await bench.run()
    for (const { name, result } of bench.tasks) {
      if (result.state !== 'completed') throw new Error(`${name} did not complete`, { cause: result })
      passes.get(name)?.push((result.latency.p50 * 1e6) / CALLS_PER_BATCH)
    }
  }
  return new Map([...passes].map(([name, values]) => [name, median(values)]))
}
