import type { ScannedMessage } from '../scanned-message.ts'
import type { HeaderLookup } from './era.ts'
import { ERROR_CODE } from './error-codes.ts'
import { HEADER } from './header-names.ts'
import { decodeHeaderValue, HeaderValueError, trimBlanks } from './header-value.ts'
import { META } from './meta-keys.ts'
import { nameSourceOf } from './name-source.ts'
import { MODERN_VERSIONS } from './protocol-versions.ts'

/** How to answer a request whose head and body do not agree. */
export interface HeaderFault {
  /** The HTTP status. */
  readonly status: 400
  /** The JSON-RPC code. */
  readonly code: number
  readonly message: string
  /** The JSON-RPC error's `data`, where the protocol asks for it. */
  readonly data?: { readonly supported: readonly string[]; readonly requested: string } | undefined
}

/**
 * Checks a modern POST (see `classifyEra`) as everyone who reads its body must: `_meta` is complete, its version is one
 * of `supportedVersions`, and `MCP-Protocol-Version`, `Mcp-Method` and `Mcp-Name` are there and equal the body. Gives
 * undefined when all is well, else the first fault: the version (header and body differ, no claim, not supported: a
 * client of another version must learn that first), then a method that differs, then the capabilities, then headers that
 * are missing, then the name. On notifications headers and capabilities may be missing, but headers not differ.
 *
 * `Mcp-Param-*` needs the tool's schema: see `checkParamHeaders`.
 */
export function checkModernHeaders(
  scanned: ScannedMessage,
  getHeader: HeaderLookup,
  supportedVersions: readonly string[] = MODERN_VERSIONS,
): HeaderFault | undefined {
  if (scanned.method === undefined) {
    return { status: 400, code: ERROR_CODE.invalidRequest, message: 'A response cannot be posted' }
  }
  const version = trimmed(getHeader(HEADER.protocolVersion))
  const method = trimmed(getHeader(HEADER.method))
  const claimed = scanned.meta?.protocolVersion
  return (
    disagreement('MCP-Protocol-Version', version, claimed) ??
    claimFault(scanned) ??
    versionFault(claimed ?? version, supportedVersions) ??
    disagreement('Mcp-Method', method, scanned.method) ??
    capabilitiesFault(scanned) ??
    (scanned.kind === 'request' ? absence(version, method) : undefined) ??
    nameFault(scanned, scanned.method, getHeader(HEADER.name))
  )
}

function trimmed(value: string | undefined): string | undefined {
  return value === undefined ? undefined : trimBlanks(value)
}

function mismatch(message: string): HeaderFault {
  return { status: 400, code: ERROR_CODE.headerMismatch, message }
}

function invalidParams(message: string): HeaderFault {
  return { status: 400, code: ERROR_CODE.invalidParams, message }
}

function disagreement(
  header: string,
  inHead: string | undefined,
  inBody: string | undefined,
): HeaderFault | undefined {
  if (inHead === undefined || inBody === undefined || inHead === inBody) return undefined
  return mismatch(`Header mismatch: ${header} does not equal the value in the body`)
}

function claimFault({ kind, meta }: ScannedMessage): HeaderFault | undefined {
  if (meta?.protocolVersion !== undefined) return undefined
  if (kind === 'notification' && meta?.protocolVersionSpan === undefined) return undefined
  return invalidParams(`Invalid params: _meta must have ${META.protocolVersion}, a string`)
}

function capabilitiesFault({ kind, meta }: ScannedMessage): HeaderFault | undefined {
  if (kind === 'notification' || meta?.clientCapabilitiesSpan !== undefined) return undefined
  return invalidParams(`Invalid params: _meta must have ${META.clientCapabilities}, an object`)
}

function versionFault(requested: string | undefined, supported: readonly string[]): HeaderFault | undefined {
  if (requested === undefined || supported.includes(requested)) return undefined
  return {
    status: 400,
    code: ERROR_CODE.unsupportedVersion,
    message: 'Unsupported protocol version',
    data: { supported, requested },
  }
}

function absence(version: string | undefined, method: string | undefined): HeaderFault | undefined {
  if (version === undefined) return mismatch('Header mismatch: MCP-Protocol-Version is missing')
  if (method === undefined) return mismatch('Header mismatch: Mcp-Method is missing')
  return undefined
}

function nameFault(
  scanned: ScannedMessage,
  method: string,
  raw: string | undefined,
): HeaderFault | undefined {
  const source = nameSourceOf(method)
  if (source === undefined || scanned.kind !== 'request') return undefined
  const name = scanned[source]
  if (name === undefined) return invalidParams(`Invalid params: ${method} needs params.${source}, a string`)
  if (raw === undefined) return mismatch(`Header mismatch: Mcp-Name is missing, which ${method} must send`)
  try {
    if (decodeHeaderValue(raw) === name) return undefined
  } catch (error) {
    if (!HeaderValueError.is(error)) throw error
    return mismatch('Header mismatch: Mcp-Name is malformed')
  }
  return mismatch(`Header mismatch: Mcp-Name does not equal params.${source}`)
}
