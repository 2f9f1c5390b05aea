import { hash } from 'node:crypto'

/** What stands between an owner and a name. */
const SEPARATOR = '__'
/** Longest owner: what is left for the name is then at least 9 characters. */
const MAX_OWNER_LENGTH = 20
const MIN_LENGTH = 40
const HASH_LENGTH = 8

const OWNER = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/
const PLAIN = /^[A-Za-z0-9_-]+$/
const LOOKS_HASHED = /_[0-9a-f]{8}$/

/**
 * The name under which a tool or prompt of one server is shown among those of many: `owner__name`. It has only
 * `A`–`Z`, `a`–`z`, `0`–`9`, `_` and `-`, and at most `maxLength` characters, so that the strictest of clients takes
 * it.
 *
 * It depends on nothing but its arguments: not on who else exists, nor on any order. Two names never become one: a
 * name that has to be rewritten or cut ends in `_` and eight hexadecimal digits of SHA-256 over owner and name, and a
 * name that happens to end like that gets the digits as well. (Two names of the *same* owner may share their digits,
 * once in four thousand million pairs; whoever records names has to refuse the second.) What a name was is not to be
 * read out of it: record the pair.
 *
 * @param owner 1 to 20 of `a`–`z`, `0`–`9` and `-`, with no `-` at either end.
 * @param maxLength in characters, at least 40. Default 50: clients put a prefix of their own before it, and some
 * models take no more than 64.
 * @throws RangeError when `owner` or `maxLength` is out of range.
 */
export function exposedName(owner: string, name: string, maxLength = 50): string {
  if (!OWNER.test(owner) || owner.length > MAX_OWNER_LENGTH) {
    throw new RangeError(`"${owner}" is no owner: 1 to ${MAX_OWNER_LENGTH} of a-z, 0-9 and - are`)
  }
  if (!(Number.isInteger(maxLength) && maxLength >= MIN_LENGTH)) {
    throw new RangeError(`maxLength must be a whole number from ${MIN_LENGTH} on, not ${maxLength}`)
  }
  const prefix = `${owner}${SEPARATOR}`
  const isPlain =
    name.length <= maxLength - prefix.length && PLAIN.test(name) && !LOOKS_HASHED.test(`_${name}`)
  if (isPlain) return `${prefix}${name}`
  // JSON escapes what UTF-8 cannot carry, so that every string has its own digits.
  const digits = hash('sha256', JSON.stringify([owner, name]), 'hex').slice(0, HASH_LENGTH)
  const kept = name.slice(0, maxLength - prefix.length - HASH_LENGTH - 1).replaceAll(/[^A-Za-z0-9_-]/g, '_')
  return `${prefix}${kept}_${digits}`
}
