import { setImmediate } from 'node:timers/promises'

/** One operation, to be run again and again. */
export interface Candidate {
  readonly name: string
  /** @param turn counts up, so that each call can have values of its own. */
  readonly operation: (turn: number) => Promise<unknown>
}

/** What one candidate did in one round. */
export interface Round {
  readonly perSecond: number
  /** Of this process, all its threads; not of the server's. In microseconds per operation. */
  readonly cpuMicros: number
}

/** Runs `operation` in so many loops at once, for so long. */
const run = async ({ operation }: Candidate, loops: number, durationMs: number): Promise<Round> => {
  let turn = 0
  const cpuBefore = process.cpuUsage()
  const started = performance.now()
  await Promise.all(
    Array.from({ length: loops }, async () => {
      while (performance.now() - started < durationMs) {
        turn += 1
        await operation(turn)
      }
    }),
  )
  const seconds = (performance.now() - started) / 1_000
  const { user, system } = process.cpuUsage(cpuBefore)
  return { perSecond: turn / seconds, cpuMicros: (user + system) / turn }
}

/** How a measurement is made. */
export interface MeasureOptions {
  readonly rounds: number
  readonly roundMs: number
  readonly loops: number
}

/** The candidates take turns in every round, after one round to warm up, so that a noisy moment meets all of them. */
export const measure = async (
  candidates: readonly Candidate[],
  { rounds, roundMs, loops }: MeasureOptions,
): Promise<ReadonlyMap<string, readonly Round[]>> => {
  const results = new Map<string, Round[]>(candidates.map(({ name }) => [name, []]))
  for (let round = 0; round <= rounds; round += 1) {
    const first = round % candidates.length
    for (const candidate of [...candidates.slice(first), ...candidates.slice(0, first)]) {
      const result = await run(candidate, loops, roundMs)
      if (round > 0) results.get(candidate.name)?.push(result)
      await setImmediate()
    }
  }
  return results
}

export const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
