/** Whether a value is a finite number of at least `min`. */
const isAtLeast = (value: unknown, min: number): value is number =>
  typeof value === 'number' && value >= min && value < Infinity

/**
 * Gives the value back if it is valid. Throws otherwise, naming the option: a RangeError for a number that cannot be, a
 * TypeError for anything that is no number.
 */
export const check = <Value>(option: string, value: Value, valid: boolean, expected: string): Value => {
  if (valid) return value
  const message = `load balancing option "${option}" must be ${expected}, got ${String(value)}`
  throw typeof value === 'number' ? new RangeError(message) : new TypeError(message)
}

export const checkPositive = (option: string, value: number): number =>
  check(option, value, isAtLeast(value, Number.MIN_VALUE), 'a finite number above 0')

export const checkNumber = (option: string, value: number, min: number): number =>
  check(option, value, isAtLeast(value, min), `a finite number of at least ${min}`)

export const checkCount = (option: string, value: number): number =>
  check(option, value, Number.isInteger(value) && value >= 1, 'a whole number of at least 1')

/** A share of a whole. */
export const checkShare = (option: string, value: number): number =>
  check(option, value, isAtLeast(value, Number.MIN_VALUE) && value <= 1, 'above 0 and at most 1')

export const checkFunction = <Value>(option: string, value: Value): Value =>
  check(option, value, typeof value === 'function', 'a function')
