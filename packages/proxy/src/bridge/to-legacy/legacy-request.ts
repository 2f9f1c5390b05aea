import {
  editMembers,
  listMembers,
  META,
  type ScannedMessage,
  type SpliceEdit,
  spliceMessage,
} from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject } from '@mreg/upstream'

import { idEdits } from '../turns.ts'

/** What only requests of the newer era say in `_meta`. */
const MODERN_META: readonly string[] = [
  META.protocolVersion,
  META.clientInfo,
  META.clientCapabilities,
  META.logLevel,
]

/** The extension whose calls outlive their requests. The eras mean different things by it, so it is not passed on. */
const TASKS = 'io.modelcontextprotocol/tasks'

/**
 * A request of the newer era without what is new in it. Everything else stays as it was written.
 *
 * @param id the id that it goes under, and its progress token where it has one: both are used once in a session.
 */
export const legacyRequest = (bytes: Uint8Array, scanned: ScannedMessage, id: number): Uint8Array => {
  const { meta, paramsSpan } = scanned
  const edits: SpliceEdit[] = idEdits(scanned, id)
  if (paramsSpan === undefined) return spliceMessage(bytes, edits)
  const remove = ['inputResponses', 'requestState']
  if (meta !== undefined) {
    const rest = listMembers(bytes, meta.span).filter(({ key }) => !MODERN_META.includes(key))
    const set = meta.progressToken === undefined ? [] : [[META.progressToken, String(id)] as const]
    if (rest.length === 0) remove.push('_meta')
    else edits.push(...editMembers(bytes, meta.span, { set, remove: MODERN_META }))
  }
  return spliceMessage(bytes, [...edits, ...editMembers(bytes, paramsSpan, { remove })])
}

/** The capabilities of a client of the newer era in the words of the older one. */
export const legacyCapabilities = (declared: JsonObject): JsonObject => {
  const { extensions, tasks: _tasks, ...rest } = declared
  if (!isJsonObject(extensions)) return rest
  const { [TASKS]: _extension, ...passed } = extensions
  return Object.keys(passed).length === 0 ? rest : { ...rest, extensions: passed }
}

/** What a server of the older era said to `initialize`, as the answer to `server/discover`. */
export const discoverResult = (initialized: JsonObject, supportedVersions: readonly string[]): JsonObject => {
  const { capabilities, instructions, serverInfo } = initialized
  return {
    resultType: 'complete',
    supportedVersions,
    capabilities: legacyCapabilities(isJsonObject(capabilities) ? capabilities : {}),
    ...(typeof instructions === 'string' ? { instructions } : {}),
    ...NOT_CACHED,
    ...(isJsonObject(serverInfo) ? { _meta: { [META.serverInfo]: serverInfo } } : {}),
  }
}

/** How long a result of the older era is good: nobody said. */
export const NOT_CACHED = { ttlMs: 0, cacheScope: 'private' } as const
