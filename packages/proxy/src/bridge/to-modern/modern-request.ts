import {
  editMembers,
  encodeHeaderValue,
  HEADER,
  META,
  mirroredName,
  MODERN_VERSIONS,
  type ScannedMessage,
  type SpliceEdit,
  spliceMessage,
} from '@mreg/mcp-wire'
import type { HeaderPair, JsonObject } from '@mreg/upstream'

import { insertMember, messageSpan } from '../edit-message.ts'

/** What every request of the newer era says of its client. */
export interface ModernEnvelope {
  readonly capabilities: JsonObject
  readonly clientInfo: JsonObject
  /** From which severity on log messages are wanted; undefined: none are. */
  readonly logLevel: string | undefined
}

/** What the client answers to what the server asked, in a repeated request. */
export interface ModernInput {
  /** Undefined: the server only wants its state back. */
  readonly responses: JsonObject | undefined
  /** The server's own state, exactly as it gave it; undefined: it gave none. */
  readonly requestState: unknown
}

/** The version that servers of the newer era are spoken to in. */
export const MODERN_VERSION = MODERN_VERSIONS[0] ?? ''

/** The `_meta` of a request that the gateway makes itself. */
export const envelopeMeta = (envelope: ModernEnvelope): JsonObject =>
  Object.fromEntries(metaMembers(envelope))

/**
 * A request of the older era with what the newer one wants in it. Everything else stays as it was written.
 *
 * @param id the id to send it under; undefined: its own.
 */
export const modernRequest = (
  bytes: Uint8Array,
  scanned: ScannedMessage,
  envelope: ModernEnvelope,
  { id, input }: { readonly id?: string | undefined; readonly input?: ModernInput | undefined } = {},
): Uint8Array => {
  const members = metaMembers(envelope).map(([key, value]) => [key, JSON.stringify(value)] as const)
  const edits: SpliceEdit[] = []
  const { idSpan, meta, paramsSpan } = scanned
  if (id !== undefined && idSpan !== undefined) edits.push({ span: idSpan, replacement: JSON.stringify(id) })
  const object = `{${members.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(',')}}`
  if (paramsSpan === undefined) {
    edits.push(insertMember(bytes, messageSpan(bytes), 'params', `{"_meta":${object}}`))
    return spliceMessage(bytes, edits)
  }
  if (meta === undefined) edits.push(insertMember(bytes, paramsSpan, '_meta', object))
  else edits.push(...editMembers(bytes, meta.span, { set: members }))
  if (input?.responses !== undefined)
    edits.push(insertMember(bytes, paramsSpan, 'inputResponses', JSON.stringify(input.responses)))
  if (input?.requestState !== undefined)
    edits.push(insertMember(bytes, paramsSpan, 'requestState', JSON.stringify(input.requestState)))
  return spliceMessage(bytes, edits)
}

/** The headers that say again what a request says. */
export const mirrorHeaders = (scanned: ScannedMessage, more: readonly HeaderPair[] = []): HeaderPair[] => {
  const name = mirroredName(scanned)
  return [
    [HEADER.method, scanned.method ?? ''],
    ...(name === undefined ? [] : [[HEADER.name, encodeHeaderValue(name)] as const]),
    ...more,
  ]
}

const metaMembers = ({ capabilities, clientInfo, logLevel }: ModernEnvelope): [string, unknown][] => [
  [META.protocolVersion, MODERN_VERSION],
  [META.clientInfo, clientInfo],
  [META.clientCapabilities, capabilities],
  ...(logLevel === undefined ? [] : [[META.logLevel, logLevel] as [string, unknown]]),
]
