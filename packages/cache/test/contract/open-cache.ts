import type { BackgroundErrorSource, Cache } from '../../src/index.ts'

export interface OpenedCache {
  readonly cache: Cache
  /** What was reported that nobody waits for. */
  readonly background: readonly { readonly error: unknown; readonly source: BackgroundErrorSource }[]
  [Symbol.asyncDispose](): PromiseLike<void>
}

export type OpenCache = (options?: { readonly maxValueBytes?: number }) => Promise<OpenedCache>

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value)

export const MINUTE = 60_000

/** A load that must not happen, or that fails. */
export const never = async (): Promise<Uint8Array> => {
  throw new Error('nobody should load')
}
