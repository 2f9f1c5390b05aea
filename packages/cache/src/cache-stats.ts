/** Counters since the start of a cache. */
export interface CacheCounters {
  /** Reads that found a good value. */
  readonly hits: number
  /** Reads that found none, or could not be made. */
  readonly misses: number
  /** Values given past their time, while a new one was loaded or because that failed. */
  readonly staleHits: number
  /** Loads that were begun. */
  readonly loads: number
  readonly loadFailures: number
  /** Values that were kept. */
  readonly writes: number
  /** Writes, deletions, invalidations and messages that were not made. */
  readonly droppedWrites: number
  /** Keys that are being loaded now. */
  readonly loading: number
}

export interface MemoryCacheStats extends CacheCounters {
  readonly kind: 'memory'
  /** Always: it is in this process. */
  readonly connected: true
  readonly entries: number
  /** Bytes of the entries, with an allowance for each. */
  readonly bytes: number
}

export interface RedisCacheStats extends CacheCounters {
  readonly kind: 'redis'
  readonly connected: boolean
  /** Connections that were made. */
  readonly connections: number
  /** Commands that were not answered in time. */
  readonly timeouts: number
  /** Commands that Redis refused, or that failed with their connection. */
  readonly failures: number
  /** Reads of entries that were answered by this process's own copies; part of the hits, stale hits or misses. */
  readonly localHits: number
  readonly localEntries: number
  /** Bytes of the copies, with an allowance for each. */
  readonly localBytes: number
}

export type CacheStats = MemoryCacheStats | RedisCacheStats
