import type { Span } from '../span.ts'
import {
  identifyKey,
  KEY_CONFUSABLE,
  KEY_ERROR,
  KEY_META,
  KEY_PARAMS,
  KEY_RESULT,
  LEVEL_ERROR,
  LEVEL_MESSAGE,
  LEVEL_META,
  LEVEL_PARAMS,
  LEVEL_RESULT,
} from './envelope-keys.ts'
import { keySignature, noteKey, openKeys } from './key-register.ts'
import { MetaDraft, type MessageDraft } from './message-draft.ts'
import { recordMember, recordMetaMember } from './record-member.ts'
import type { ScanState } from './scan-state.ts'
import { skipWhitespace } from './skip-scalar.ts'
import { skipString } from './skip-string.ts'
import { skipColon, skipValue } from './skip-value.ts'

// The span of an object whose end has not been seen.
const NOWHERE: Span = { start: 0, end: 0 }

/**
 * Walks an object whose members matter, at its `{`, and records them. `depth` is the number of containers open around
 * it. Gives the offset after its `}`, or -1. Calls itself only along message, params, _meta: three deep.
 */
export function walkObject(
  state: ScanState,
  draft: MessageDraft,
  level: number,
  start: number,
  depth: number,
): number {
  const bytes = state.bytes
  const end = state.end
  if (depth >= state.maxDepth) return state.rejectDepth(start)
  const inside = depth + 1
  openKeys(inside)
  let at = skipWhitespace(bytes, start + 1, end)
  if (at < end && bytes[at] === 0x7d) return at + 1
  for (;;) {
    if (at >= end || bytes[at] !== 0x22) return state.reject(at)
    const keyStart = at + 1
    let escapes = state.escapes
    at = skipString(state, keyStart)
    if (at < 0) return -1
    const keyEnd = at - 1
    const escaped = state.escapes !== escapes
    const signature = keySignature(bytes, keyStart, keyEnd)
    noteKey(state, inside, keyStart, keyEnd, signature, escaped)
    const key = identifyKey(level, state, keyStart, keyEnd, signature, escaped)
    if (key === KEY_CONFUSABLE && state.confusableAt === -1) state.confusableAt = keyStart

    at = skipColon(state, at)
    if (at < 0) return -1
    const valueStart = skipWhitespace(bytes, at, end)
    escapes = state.escapes
    const nested = valueStart < end && bytes[valueStart] === 0x7b ? levelInside(level, key) : -1
    at =
      nested === -1
        ? skipValue(state, valueStart, inside)
        : walkObject(state, draft, nested, valueStart, inside)
    if (at < 0) return -1
    if (key >= 0) {
      const hasEscapes = state.escapes !== escapes
      if (level === LEVEL_META) {
        draft.meta ??= new MetaDraft(NOWHERE)
        recordMetaMember(state, draft.meta, key, valueStart, at, hasEscapes)
      } else {
        recordMember(state, draft, key, valueStart, at, hasEscapes)
      }
    }

    at = skipWhitespace(bytes, at, end)
    if (at >= end) return state.reject(at)
    if (bytes[at] === 0x7d) return at + 1
    if (bytes[at] !== 0x2c) return state.reject(at)
    at = skipWhitespace(bytes, at + 1, end)
  }
}

/** The level of a member that is an object, or -1 when nothing in it matters. */
function levelInside(level: number, key: number): number {
  if (level === LEVEL_MESSAGE) {
    if (key === KEY_PARAMS) return LEVEL_PARAMS
    if (key === KEY_RESULT) return LEVEL_RESULT
    if (key === KEY_ERROR) return LEVEL_ERROR
  }
  return level === LEVEL_PARAMS && key === KEY_META ? LEVEL_META : -1
}
