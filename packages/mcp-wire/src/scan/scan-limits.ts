/** Bounds and strictness of one scan. */
export interface ScanLimits {
  /** Deepest nesting of objects and arrays, the message itself being 1. Default 64, at most 1024. */
  readonly maxDepth: number
  /** Longest raw id or progress token in bytes, quotes included. Default 1024. */
  readonly maxIdBytes: number
  /**
   * Where a repeated key is refused: in every object of the message (default), or only in those the gateway routes by
   * (top level, `params`, `params._meta`, `result`, `error`), for messages of servers that are only relayed.
   */
  readonly duplicateKeys: 'everywhere' | 'envelope'
}

/** The limits in force when none are given. */
export const DEFAULT_SCAN_LIMITS: ScanLimits = Object.freeze({
  maxDepth: 64,
  maxIdBytes: 1024,
  duplicateKeys: 'everywhere',
})

/** The greatest `maxDepth` accepted: scratch space is reserved for it. */
export const MAX_SCAN_DEPTH = 1024

/** For bytes that have been scanned: their nesting and repeated keys have been judged. */
export const SCANNED: ScanLimits = Object.freeze({
  ...DEFAULT_SCAN_LIMITS,
  maxDepth: MAX_SCAN_DEPTH,
  duplicateKeys: 'envelope',
})

/** Completes and checks limits. Throws RangeError naming the limit that is out of range. */
export function resolveScanLimits(limits: Partial<ScanLimits> | undefined): ScanLimits {
  if (limits === undefined) return DEFAULT_SCAN_LIMITS
  const resolved = {
    maxDepth: limits.maxDepth ?? DEFAULT_SCAN_LIMITS.maxDepth,
    maxIdBytes: limits.maxIdBytes ?? DEFAULT_SCAN_LIMITS.maxIdBytes,
    duplicateKeys: limits.duplicateKeys ?? DEFAULT_SCAN_LIMITS.duplicateKeys,
  }
  if (!Number.isInteger(resolved.maxDepth) || resolved.maxDepth < 1 || resolved.maxDepth > MAX_SCAN_DEPTH) {
    throw new RangeError(`maxDepth must be an integer from 1 to ${MAX_SCAN_DEPTH}, not ${resolved.maxDepth}`)
  }
  if (!Number.isSafeInteger(resolved.maxIdBytes) || resolved.maxIdBytes < 1) {
    throw new RangeError(`maxIdBytes must be a positive integer, not ${resolved.maxIdBytes}`)
  }
  return resolved
}
