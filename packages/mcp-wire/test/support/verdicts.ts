import { scanMessage, WireError, type ScanLimits, type WireErrorReason } from '../../src/index.ts'

/** The UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** The text of UTF-8 bytes. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true, fatal: true }).decode(bytes)
}

/** The error that the scan throws; fails when it throws none or another one. */
export function wireErrorOf(message: string | Uint8Array, limits?: Partial<ScanLimits>): WireError {
  try {
    scanMessage(typeof message === 'string' ? utf8(message) : message, limits)
  } catch (error) {
    if (WireError.is(error)) return error
    throw error
  }
  throw new Error(`The scan accepted ${typeof message === 'string' ? message : textOf(message)}`)
}

/** The reason for which the scan refuses bytes, or undefined when it accepts them. */
export function refusalOf(bytes: Uint8Array, limits?: Partial<ScanLimits>): WireErrorReason | undefined {
  try {
    scanMessage(bytes, limits)
    return undefined
  } catch (error) {
    if (WireError.is(error)) return error.reason
    throw error
  }
}

/** Whether the scan takes bytes for JSON, whatever it thinks of them as a message. */
export function scanTakesForJson(bytes: Uint8Array): boolean {
  const reason = refusalOf(bytes, { maxDepth: 1024 })
  if (reason === 'too_deep') throw new Error('The generated text is too deep to compare verdicts on it')
  return reason !== 'malformed_json' && reason !== 'invalid_utf8'
}

/** Whether the platform takes bytes for JSON: strict UTF-8, then `JSON.parse`. */
export function platformTakesForJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(textOf(bytes))
    return true
  } catch {
    return false
  }
}
