import type { PriceClient } from './price-client.ts'

/** What clients were told so far. */
export interface Told {
  readonly right: number
  readonly wrong: number
  readonly failed: number
  /** Calls that needed more than one replica. */
  readonly retried: number
  /** By whom the answers were given. */
  readonly by: Readonly<Record<string, number>>
}

/** What clients saw in one chapter of the story. */
export interface Seen extends Told {
  readonly calls: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** So long a chapter may take, in milliseconds. */
const GIVE_UP_MS = 60_000

/** Asks for prices, so many at once: `calls` of them, and then until what is to happen has happened. */
export const watch = async (
  client: PriceClient,
  { calls, atOnce, happened }: { calls: number; atOnce: number; happened: (seen: Told) => boolean },
): Promise<Seen> => {
  const by: Record<string, number> = {}
  const waits: number[] = []
  const told = { right: 0, wrong: 0, failed: 0, retried: 0, by }
  const giveUpAt = performance.now() + GIVE_UP_MS
  let next = 0
  const isOver = (): boolean => next >= calls && (happened(told) || performance.now() > giveUpAt)
  const ask = async (): Promise<void> => {
    while (!isOver()) {
      next += 1
      const article = next
      const begun = performance.now()
      try {
        const { attempts, by: who, price } = await client.priceOf(article)
        by[who] = (by[who] ?? 0) + 1
        told[price === article * 2 ? 'right' : 'wrong'] += 1
        if (attempts > 1) told.retried += 1
      } catch {
        told.failed += 1
      }
      waits.push(performance.now() - begun)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, ask))
  waits.sort((one, other) => one - other)
  const at = (share: number): number => waits[Math.floor(waits.length * share)] ?? 0
  return { ...told, calls: waits.length, p50Ms: at(0.5), p99Ms: at(0.99) }
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
