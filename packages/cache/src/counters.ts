import type { CacheCounters } from './cache-stats.ts'

/** Counters as they are kept. */
export interface Counters {
  hits: number
  misses: number
  staleHits: number
  loads: number
  loadFailures: number
  writes: number
  droppedWrites: number
}

export const newCounters = (): Counters => ({
  hits: 0,
  misses: 0,
  staleHits: 0,
  loads: 0,
  loadFailures: 0,
  writes: 0,
  droppedWrites: 0,
})

/** As they are shown. */
export const shownCounters = (counters: Counters, loading: number): CacheCounters => ({
  ...counters,
  loading,
})
