import { createHash } from 'node:crypto'

/** The longest key as text. */
const MAXIMUM_LENGTH = 512

/**
 * A key from its parts, as `session:ann:42`. Two lists of parts never make the same key: colons and other special
 * characters within a part are percent-encoded, and what becomes too long ends in a SHA-256 of the whole.
 *
 * @throws {RangeError} when there is no part.
 */
export const cacheKey = (...parts: readonly (string | number)[]): string => {
  if (parts.length === 0) throw new RangeError('a cache key needs at least one part')
  // Lone surrogates would throw; in a key they are as good as any other letter.
  const key = parts.map((part) => encodeURIComponent(String(part).toWellFormed())).join(':')
  if (key !== '' && key.length <= MAXIMUM_LENGTH) return key
  const digest = createHash('sha256').update(key).digest('base64url')
  // A `#` is encoded within parts, so no other key ends like this.
  return `${key.slice(0, MAXIMUM_LENGTH - digest.length - 1)}#${digest}`
}

/** @throws {RangeError} */
export const checkName = (what: string, name: string): void => {
  if (name.length === 0 || name.length > MAXIMUM_LENGTH) {
    throw new RangeError(`${what} has ${name.length} characters; 1 to ${MAXIMUM_LENGTH} are possible`)
  }
}
