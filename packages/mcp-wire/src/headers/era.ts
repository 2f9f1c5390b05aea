import type { ScannedMessage } from '../scanned-message.ts'
import { HEADER } from './header-names.ts'
import { trimBlanks } from './header-value.ts'
import { isModernVersion } from './protocol-versions.ts'

/** The two forms of the protocol: with sessions and `initialize`, or self-contained requests (2026-07-28 on). */
export type Era = 'legacy' | 'modern'

/** Gives the value of a request header by its lower-case name. */
export type HeaderLookup = (name: string) => string | undefined

/**
 * Which era an HTTP POST belongs to. The body decides: a protocol version in `params._meta` is modern, whatever its
 * value or the method. Without one, a call whose `MCP-Protocol-Version` names a modern version is modern too (and
 * `checkModernHeaders` refuses it if it is a request), except `initialize`, which only legacy has. Everything else,
 * posted responses included, is legacy.
 */
export function classifyEra(scanned: ScannedMessage, getHeader: HeaderLookup): Era {
  if (scanned.kind === 'response') return 'legacy'
  if (scanned.meta?.protocolVersionSpan !== undefined) return 'modern'
  if (scanned.method === 'initialize') return 'legacy'
  const version = getHeader(HEADER.protocolVersion)
  return version !== undefined && isModernVersion(trimBlanks(version)) ? 'modern' : 'legacy'
}
