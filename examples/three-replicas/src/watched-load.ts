import type { PriceClient } from './price-client.ts'

/** What clients saw in one chapter of the story. */
export interface Seen {
  readonly calls: number
  readonly right: number
  readonly wrong: number
  readonly failed: number
  /** Calls that needed more than one replica. */
  readonly retried: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** By whom the answers were given. */
  readonly by: Readonly<Record<string, number>>
}

/** Asks for so many prices, so many at once, and says what came of it. */
export const watch = async (client: PriceClient, calls: number, atOnce: number): Promise<Seen> => {
  const by: Record<string, number> = {}
  const waits: number[] = []
  let [right, failed, retried, next] = [0, 0, 0, 0]
  const ask = async (): Promise<void> => {
    while (next < calls) {
      next += 1
      const article = next
      const begun = performance.now()
      try {
        const { attempts, by: who, price } = await client.priceOf(article)
        by[who] = (by[who] ?? 0) + 1
        if (price === article * 2) right += 1
        if (attempts > 1) retried += 1
      } catch {
        failed += 1
      }
      waits.push(performance.now() - begun)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, ask))
  waits.sort((one, other) => one - other)
  const at = (share: number): number => waits[Math.floor(waits.length * share)] ?? 0
  return { calls, right, wrong: calls - right - failed, failed, retried, p50Ms: at(0.5), p99Ms: at(0.99), by }
}

/** One row of the table. */
export const rowOf = (title: string, seen: Seen): Record<string, string | number> => ({
  chapter: title,
  calls: seen.calls,
  right: seen.right,
  wrong: seen.wrong,
  failed: seen.failed,
  retried: seen.retried,
  'p50 ms': Math.round(seen.p50Ms),
  'p99 ms': Math.round(seen.p99Ms),
  'answered by': Object.entries(seen.by)
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([name, count]) => `${name} ${count}`)
    .join(', '),
})
