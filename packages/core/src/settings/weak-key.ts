/** 32 characters of hexadecimal are 128 bits. */
const MINIMUM_LENGTH = 32

/** Of 32 random digits of hexadecimal fewer than these are different in one key of a billion. */
const MINIMUM_DIFFERENT = 7

const PLACEHOLDER = /change.?me|password|secret|example|default|replace.?me|your.?key|insert/iu

/** Lines of a keyboard, and what is counted up. */
const COUNTED = /0123456789|1234567890|abcdefghij|qwertyuiop|9876543210/giu

/** Why a key is not to be trusted, in words; undefined: nothing speaks against it. Shows nothing of the key. */
export const weakness = (key: string): string | undefined => {
  if (key.length < MINIMUM_LENGTH) return `it has fewer than ${MINIMUM_LENGTH} characters`
  if (PLACEHOLDER.test(key)) return 'it looks like a placeholder'
  if (/^(.{1,16})\1+$/u.test(key) || new Set(key).size < MINIMUM_DIFFERENT) return 'it repeats itself'
  // Each run of that kind gives away what would have to be guessed.
  return key.replaceAll(COUNTED, '').length < MINIMUM_LENGTH / 2 ? 'it can be guessed' : undefined
}
