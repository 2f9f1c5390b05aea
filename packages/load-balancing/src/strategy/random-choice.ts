import type { Replica } from '../replica.ts'
import type { Situation } from './strategy.ts'

/** One of `candidates` by chance, each as likely as its weight. */
export const chooseRandomly = <Target>(
  candidates: readonly Replica<Target>[],
  { isEven, nowMs }: Situation,
  random: () => number,
): Replica<Target> => {
  const last = candidates.at(-1)
  if (last === undefined) throw new RangeError('there is nobody to choose')
  if (isEven) return candidates[Math.floor(random() * candidates.length)] ?? last
  let total = 0
  for (const candidate of candidates) total += candidate.weightAt(nowMs)
  let left = random() * total
  for (const candidate of candidates) {
    left -= candidate.weightAt(nowMs)
    if (left < 0) return candidate
  }
  return last
}
