import { checkName } from './cache-key.ts'
import { type LoadOptions, MAXIMUM_TTL_MS, type SetOptions } from './cache.ts'

const MAXIMUM_TAGS = 16

/** @throws {RangeError} */
export const checkSetOptions = ({ ttlMs, tags = [] }: SetOptions): void => {
  if (!(ttlMs > 0 && ttlMs <= MAXIMUM_TTL_MS)) {
    throw new RangeError(`ttlMs is ${ttlMs}; it must be more than 0 and at most ${MAXIMUM_TTL_MS}`)
  }
  if (tags.length > MAXIMUM_TAGS) {
    throw new RangeError(`there are ${tags.length} tags; at most ${MAXIMUM_TAGS} are possible`)
  }
  for (const tag of tags) checkName('the tag', tag)
}

/** @throws {RangeError} */
export const checkLoadOptions = (options: LoadOptions): void => {
  checkSetOptions(options)
  const { staleWhileRevalidateMs = 0, staleIfErrorMs = 0, timeoutMs = 1 } = options
  for (const [name, ms] of Object.entries({ staleWhileRevalidateMs, staleIfErrorMs })) {
    if (!(ms >= 0 && ms <= MAXIMUM_TTL_MS)) {
      throw new RangeError(`${name} is ${ms}; it must be 0 to ${MAXIMUM_TTL_MS}`)
    }
  }
  checkCount('timeoutMs', timeoutMs)
}

/** @throws {RangeError} */
export const checkCount = (name: string, count: number): void => {
  if (!(count >= 1 && count <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`${name} is ${count}; it must be at least 1`)
  }
}
