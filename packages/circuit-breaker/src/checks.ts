/** Whether a value has fields to look at. */
export const isRecord = (value: unknown): value is Readonly<Record<string | symbol, unknown>> =>
  typeof value === 'object' && value !== null

/** Whether a value is a finite number of at least `min`. */
export const isAtLeast = (value: unknown, min: number): value is number =>
  typeof value === 'number' && value >= min && value < Infinity

/**
 * Gives the value back if it is valid. Throws otherwise, naming the option: a RangeError for a number that cannot be, a
 * TypeError for anything that is no number.
 */
export function check<Value>(option: string, value: Value, valid: boolean, expected: string): Value {
  if (valid) return value
  const message = `circuit breaker option "${option}" must be ${expected}, got ${String(value)}`
  throw typeof value === 'number' ? new RangeError(message) : new TypeError(message)
}

/** A share of a whole. */
export const checkShare = <Value>(option: string, value: Value): Value =>
  check(option, value, isAtLeast(value, Number.MIN_VALUE) && value <= 1, 'above 0 and at most 1')

export const checkPositive = <Value>(option: string, value: Value): Value =>
  check(option, value, isAtLeast(value, Number.MIN_VALUE), 'a finite number above 0')

export const checkCount = <Value>(option: string, value: Value, min: number): Value =>
  check(option, value, isAtLeast(value, min) && Number.isInteger(value), `a whole number of at least ${min}`)

export const checkChoice = <Value extends string>(
  option: string,
  value: Value,
  allowed: readonly string[],
): Value => check(option, value, allowed.includes(value), `one of ${allowed.join(', ')}`)

export const checkFunction = <Value>(option: string, value: Value): Value =>
  check(option, value, typeof value === 'function', 'a function')

export const checkText = <Value>(option: string, value: Value): Value =>
  check(option, value, typeof value === 'string', 'a string')
