import { decodeHeaderValue, encodeHeaderValue } from './header-value.ts'

/** An argument that may be mirrored in a `Mcp-Param-*` header. */
export type ParamHeaderArgument = string | number | boolean

/**
 * The `Mcp-Param-*` value for an argument. Undefined when none is to be sent: for a number that is not a safe integer,
 * which the protocol does not allow there.
 */
export function encodeParamHeader(argument: ParamHeaderArgument): string | undefined {
  if (typeof argument === 'number' && !Number.isSafeInteger(argument)) return undefined
  return encodeHeaderValue(String(argument))
}

/**
 * True when a `Mcp-Param-*` value as received equals the argument in the body. Integers compare as numbers (`42.0` is
 * 42), strings and booleans character for character. Throws `HeaderValueError` for a malformed value.
 */
export function paramHeaderMatches(raw: string, argument: ParamHeaderArgument): boolean {
  const value = decodeHeaderValue(raw)
  if (typeof argument !== 'number') return value === String(argument)
  if (!/^-?\d{1,16}(?:\.0{1,16})?$/.test(value)) return false
  return Number.isSafeInteger(argument) && Number(value) === argument
}
