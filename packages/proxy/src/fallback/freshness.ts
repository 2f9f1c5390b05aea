import { findMember, readValue, type Span } from '@mreg/mcp-wire'

/** What a server says of how long a result is good, and for whom. */
export interface Freshness {
  /** In milliseconds; 0 when it says nothing, or nonsense. */
  readonly ttlMs: number
  /** Whether others than the one who asked may have it. */
  readonly isPublic: boolean
}

/** What a result, whose object is `result`, says of itself. */
export const freshnessIn = (bytes: Uint8Array, result: Span): Freshness => {
  const ttl = valueOf(bytes, result, 'ttlMs')
  return {
    ttlMs: typeof ttl === 'number' && Number.isSafeInteger(ttl) && ttl > 0 ? ttl : 0,
    isPublic: valueOf(bytes, result, 'cacheScope') === 'public',
  }
}

const valueOf = (bytes: Uint8Array, object: Span, key: string): unknown => {
  const span = findMember(bytes, object, key)
  return span && readValue(bytes, span)
}
