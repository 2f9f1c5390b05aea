import type { Cache, LoadOptions, SetOptions } from './cache.ts'

/** A {@link Cache} whose values are JSON of one type. */
export interface JsonCache<Value> {
  /** As {@link Cache.get}. What is there and does not parse is a miss. */
  get(key: string): Promise<Value | undefined>
  /** @throws {TypeError} when JSON cannot hold the value. */
  set(key: string, value: Value, options: SetOptions): Promise<boolean>
  delete(key: string): Promise<boolean>
  /** As {@link Cache.getOrLoad}. What is there and does not parse is loaded again. */
  getOrLoad(key: string, load: (signal: AbortSignal) => Promise<Value>, options: LoadOptions): Promise<Value>
}

/**
 * Puts JSON on a cache of bytes. Each read gives a value of its own.
 *
 * @param parse - checks what comes out of the cache, which another version may have written: a schema's `parse`.
 */
export const jsonCache = <Value>(cache: Cache, parse: (json: unknown) => Value): JsonCache<Value> => {
  const decode = (bytes: Uint8Array): Value => parse(JSON.parse(decoder.decode(bytes)))
  return {
    get: async (key) => {
      const bytes = await cache.get(key)
      if (bytes === undefined) return undefined
      try {
        return decode(bytes)
      } catch {
        return undefined
      }
    },
    set: async (key, value, options) => cache.set(key, encode(value), options),
    delete: (key) => cache.delete(key),
    getOrLoad: async (key, load, options) => {
      const ask = (): Promise<Uint8Array> =>
        cache.getOrLoad(key, async (signal) => encode(await load(signal)), options)
      const bytes = await ask()
      try {
        return decode(bytes)
      } catch {
        await cache.delete(key)
        return decode(await ask())
      }
    },
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

const encode = (value: unknown): Uint8Array => {
  const text: string | undefined = JSON.stringify(value)
  if (text === undefined) throw new TypeError('the value is none that JSON can hold')
  return encoder.encode(text)
}
