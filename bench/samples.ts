import { cpus } from 'node:os'

/** Something to time: `batch` makes so many calls. */
export interface Candidate {
  readonly name: string
  readonly batch: (calls: number) => Promise<void> | void
  /** Calls per batch. */
  readonly calls: number
}

export interface Sample {
  /** Microseconds per call, by the clock: the median of the rounds. */
  readonly wallUs: number
  /** Microseconds of this process's CPU per call: the median of the rounds. */
  readonly cpuUs: number
  /** Against the first candidate, each round against the same round: the median. Below 1: it takes less. */
  readonly ratio: number
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN

/**
 * Times candidates in turns, each round in another order, so that a noisy moment meets all of them; ratios are taken
 * within a round. The first candidate is what the others are held against.
 */
export const sample = async (
  candidates: readonly Candidate[],
  rounds: number,
): Promise<ReadonlyMap<string, Sample>> => {
  const seen = new Map(candidates.map(({ name }) => [name, { wall: [] as number[], cpu: [] as number[] }]))
  for (const { batch, calls } of candidates) await batch(calls)
  for (let round = 0; round < rounds; round += 1) {
    const turn = round % candidates.length
    for (const { name, batch, calls } of [...candidates.slice(turn), ...candidates.slice(0, turn)]) {
      const cpuBefore = process.cpuUsage()
      const begun = performance.now()
      // oxlint-disable-next-line no-await-in-loop -- one at a time is what is measured
      await batch(calls)
      const wall = performance.now() - begun
      const cpu = process.cpuUsage(cpuBefore)
      seen.get(name)?.wall.push((wall * 1000) / calls)
      seen.get(name)?.cpu.push((cpu.user + cpu.system) / calls)
    }
  }
  const base = seen.get(candidates[0]?.name ?? '')?.wall ?? []
  return new Map(
    [...seen].map(([name, { wall, cpu }]) => [
      name,
      {
        wallUs: median(wall),
        cpuUs: median(cpu),
        ratio: median(wall.map((value, round) => value / (base[round] ?? Number.NaN))),
      },
    ]),
  )
}

/** Prints a table of samples, in microseconds or nanoseconds. */
export const printSamples = (
  title: string,
  samples: ReadonlyMap<string, Sample>,
  unit: 'µs' | 'ns' = 'µs',
): void => {
  const scale = unit === 'µs' ? 1 : 1000
  const digits = unit === 'µs' ? 3 : 1
  const width = Math.max(...[...samples.keys()].map((name) => name.length))
  const heads = [unit.padStart(9), `CPU ${unit}`.padStart(9), 'x first'.padStart(8)]
  console.log(`\n${title}\n\n${''.padEnd(width)}  ${heads.join('  ')}`)
  for (const [name, { wallUs, cpuUs, ratio }] of samples) {
    const times = [wallUs, cpuUs].map((us) => (us * scale).toFixed(digits).padStart(9))
    console.log(`${name.padEnd(width)}  ${times.join('  ')}  ${ratio.toFixed(3).padStart(8)}`)
  }
}

export const machine = (): string =>
  `Node ${process.version} on ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`
