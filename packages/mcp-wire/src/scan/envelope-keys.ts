import { META } from '../headers/meta-keys.ts'
import { decodeString } from './decode-string.ts'
import { keySignature } from './key-register.ts'
import type { ScanState } from './scan-state.ts'

// The objects of a message whose members the scan looks at.
export const LEVEL_MESSAGE = 0
export const LEVEL_PARAMS = 1
export const LEVEL_META = 2
export const LEVEL_RESULT = 3
export const LEVEL_ERROR = 4

// The members it knows. Numbers, because they are compared on the hot path.
const KEY_UNKNOWN = -1
export const KEY_CONFUSABLE = -2
export const KEY_JSONRPC = 0
export const KEY_ID = 1
export const KEY_METHOD = 2
export const KEY_PARAMS = 3
export const KEY_RESULT = 4
export const KEY_ERROR = 5
export const KEY_NAME = 6
export const KEY_URI = 7
export const KEY_TASK_ID = 8
export const KEY_ARGUMENTS = 9
export const KEY_REQUEST_ID = 10
export const KEY_PROGRESS_TOKEN = 11
export const KEY_META = 12
export const KEY_PROTOCOL_VERSION = 13
export const KEY_CLIENT_CAPABILITIES = 14
export const KEY_CLIENT_INFO = 15
export const KEY_SUBSCRIPTION_ID = 16
export const KEY_LOG_LEVEL = 17
export const KEY_TRACEPARENT = 18
export const KEY_RESULT_TYPE = 19
export const KEY_RESULT_META = 20
export const KEY_ERROR_CODE = 21

interface KnownKey {
  readonly key: number
  readonly text: string
  readonly bytes: Uint8Array
}

/** The known members of one object, and whether a look-alike of them is refused there. */
interface KnownKeys {
  readonly keys: readonly KnownKey[]
  readonly signatures: Int32Array
  readonly refusesLookAlikes: boolean
}

function known(
  refusesLookAlikes: boolean,
  ...entries: readonly (readonly [text: string, key: number])[]
): KnownKeys {
  const keys = entries.map(([text, key]) => {
    const bytes = new TextEncoder().encode(text)
    return { key, text, bytes }
  })
  const signatures = Int32Array.from(keys, ({ bytes }) => keySignature(bytes, 0, bytes.length))
  return { keys, signatures, refusesLookAlikes }
}

const KNOWN_KEYS: readonly KnownKeys[] = [
  known(
    true,
    ['jsonrpc', KEY_JSONRPC],
    ['id', KEY_ID],
    ['method', KEY_METHOD],
    ['params', KEY_PARAMS],
    ['result', KEY_RESULT],
    ['error', KEY_ERROR],
  ),
  known(
    true,
    ['name', KEY_NAME],
    ['arguments', KEY_ARGUMENTS],
    ['_meta', KEY_META],
    ['uri', KEY_URI],
    ['taskId', KEY_TASK_ID],
    ['requestId', KEY_REQUEST_ID],
    ['progressToken', KEY_PROGRESS_TOKEN],
  ),
  known(
    true,
    [META.protocolVersion, KEY_PROTOCOL_VERSION],
    [META.clientCapabilities, KEY_CLIENT_CAPABILITIES],
    [META.clientInfo, KEY_CLIENT_INFO],
    [META.progressToken, KEY_PROGRESS_TOKEN],
    [META.subscriptionId, KEY_SUBSCRIPTION_ID],
    [META.logLevel, KEY_LOG_LEVEL],
    [META.traceparent, KEY_TRACEPARENT],
  ),
  known(false, ['resultType', KEY_RESULT_TYPE], ['_meta', KEY_RESULT_META]),
  known(false, ['code', KEY_ERROR_CODE]),
]

// Sets bit 5 of the three bytes in a signature: letters of either case become equal.
const LOWER_CASE_BITS = 0x00202020

/**
 * Which known member of an object of this level a key is. `start` and `end` are the raw bytes between its quotes.
 * A key that is no known one but that a lenient reader could take for one (other case, `ſ` for `s`, a NUL) gives
 * KEY_CONFUSABLE.
 */
export function identifyKey(
  level: number,
  state: ScanState,
  start: number,
  end: number,
  signature: number,
  escaped: boolean,
): number {
  const { keys, signatures, refusesLookAlikes } = KNOWN_KEYS[level]!
  const bytes = state.bytes
  let looksAlike = escaped
  for (let index = 0; index < signatures.length; index++) {
    const difference = signatures[index]! ^ signature
    if ((difference & ~LOWER_CASE_BITS) !== 0) continue
    const candidate = keys[index]!
    if (difference === 0 && equalsRange(candidate.bytes, bytes, start, end)) return candidate.key
    looksAlike = true
  }
  if (!looksAlike && !(refusesLookAlikes && hasHighByte(bytes, start, end))) return KEY_UNKNOWN
  return identifyDecodedKey(keys, refusesLookAlikes, decodeString(state, start - 1, end + 1, escaped))
}

function identifyDecodedKey(keys: readonly KnownKey[], refusesLookAlikes: boolean, text: string): number {
  for (const candidate of keys) if (candidate.text === text) return candidate.key
  if (!refusesLookAlikes) return KEY_UNKNOWN
  if (text.includes('\0')) return KEY_CONFUSABLE
  const folded = fold(text)
  return keys.some((candidate) => fold(candidate.text) === folded) ? KEY_CONFUSABLE : KEY_UNKNOWN
}

/** Upper case first, so that letters with an ASCII capital (`ſ`, `ı`) meet it; then lower case (KELVIN SIGN to `k`). */
function fold(text: string): string {
  return text.toUpperCase().toLowerCase()
}

function equalsRange(expected: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (expected.length !== end - start) return false
  for (let index = 0; index < expected.length; index++) {
    if (expected[index] !== bytes[start + index]) return false
  }
  return true
}

function hasHighByte(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at]! >= 0x80) return true
  return false
}
