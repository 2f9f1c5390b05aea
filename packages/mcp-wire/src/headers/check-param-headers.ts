import type { HeaderFault } from './check-modern-headers.ts'
import type { HeaderLookup } from './era.ts'
import { ERROR_CODE } from './error-codes.ts'
import { HEADER } from './header-names.ts'
import { HeaderValueError } from './header-value.ts'
import { type MirroredArgument, mirroredValue } from './mirrored-arguments.ts'
import { encodeParamHeader, paramHeaderMatches } from './param-header.ts'

/**
 * Checks the `Mcp-Param-*` headers of a `tools/call` against its arguments: what the tool wants repeated is there and equal,
 * and absent where the argument is. Other such headers are nobody's business. Gives undefined when all is well, else the
 * first fault.
 *
 * @param given the arguments of the call.
 */
export function checkParamHeaders(
  mirrored: readonly MirroredArgument[],
  given: unknown,
  getHeader: HeaderLookup,
): HeaderFault | undefined {
  for (const argument of mirrored) {
    const what = fault(mirroredValue(given, argument), getHeader(headerOf(argument)))
    if (what === undefined) continue
    const message = `Header mismatch: Mcp-Param-${argument.header} ${what}, compared with arguments.${argument.path.join('.')}`
    return { status: 400, code: ERROR_CODE.headerMismatch, message }
  }
  return undefined
}

function headerOf({ header }: MirroredArgument): string {
  return `${HEADER.paramPrefix}${header.toLowerCase()}`
}

function fault(value: string | number | boolean | undefined, raw: string | undefined): string | undefined {
  // A number that no header can hold is for the tool itself to refuse.
  if (value !== undefined && encodeParamHeader(value) === undefined) return undefined
  if (raw === undefined) return value === undefined ? undefined : 'is missing'
  if (value === undefined) return 'has no argument'
  try {
    return paramHeaderMatches(raw, value) ? undefined : 'differs'
  } catch (error) {
    if (!HeaderValueError.is(error)) throw error
    return 'is malformed'
  }
}
