import {
  editMembers,
  ERROR_CODE,
  findMember,
  type JsonRpcId,
  listMembers,
  META,
  readValue,
  type ScannedMessage,
  type Span,
  type SpliceEdit,
  spliceMessage,
} from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject } from '@mreg/upstream'

import { insertMember } from '../edit-message.ts'
import { idEdits } from '../turns.ts'
import { NOT_CACHED } from './legacy-request.ts'

/** Methods whose results say how long they are good. */
const CACHEABLE: ReadonlySet<string | undefined> = new Set([
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
])

/** HTTP statuses that go with error codes in the newer era; 200 with all others. */
const STATUS: ReadonlyMap<number | undefined, number> = new Map([
  [ERROR_CODE.methodNotFound, 404],
  [ERROR_CODE.missingClientCapability, 400],
])

const OPENING_BRACE = 0x7b

export interface ModernResponseOptions {
  /** The id under which the client awaits it. */
  readonly id: JsonRpcId
  /** What it asked. */
  readonly request: ScannedMessage
  /** What the server is called; undefined: it did not say. */
  readonly serverInfo: JsonObject | undefined
}

/** A server's response of the older era as one of the newer. Only its head changes; what it carries is not touched. */
export const modernResponse = (
  bytes: Uint8Array,
  response: ScannedMessage,
  options: ModernResponseOptions,
): { readonly message: Uint8Array; readonly status: number } => {
  const { id, request } = options
  const { resultSpan } = response
  const edits = idEdits(response, id)
  if (resultSpan === undefined) return errorResponse(bytes, response, request, edits)
  if (bytes[resultSpan.start] !== OPENING_BRACE) return { message: spliceMessage(bytes, edits), status: 200 }
  edits.push(...headEdits(bytes, resultSpan, response, options))
  if (request.method === 'tools/list') edits.push(...toolEdits(bytes, resultSpan))
  return { message: spliceMessage(bytes, edits), status: 200 }
}

const headEdits = (
  bytes: Uint8Array,
  resultSpan: Span,
  { resultMetaSpan, resultType }: ScannedMessage,
  { request, serverInfo }: ModernResponseOptions,
): SpliceEdit[] => {
  const keys = new Set(listMembers(bytes, resultSpan).map(({ key }) => key))
  const added: [string, string][] = []
  const edits: SpliceEdit[] = []
  if (resultType === undefined && !keys.has('resultType')) added.push(['resultType', '"complete"'])
  if (CACHEABLE.has(request.method))
    for (const [key, value] of Object.entries(NOT_CACHED))
      if (!keys.has(key)) added.push([key, JSON.stringify(value)])
  if (serverInfo !== undefined) {
    const info = JSON.stringify(serverInfo)
    if (resultMetaSpan !== undefined) {
      if (findMember(bytes, resultMetaSpan, META.serverInfo) === undefined)
        edits.push(insertMember(bytes, resultMetaSpan, META.serverInfo, info))
    } else if (!keys.has('_meta')) added.push(['_meta', `{${JSON.stringify(META.serverInfo)}:${info}}`])
  }
  const set = added.filter(([key]) => !keys.has(key))
  if (set.length === 0) return edits
  // At the head, so that a reader knows what it reads before it has read all of it.
  const text = set.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(',')
  const at = resultSpan.start + 1
  return [...edits, { span: { start: at, end: at }, replacement: keys.size === 0 ? text : `${text},` }]
}

/** Tools without what the newer era does not know, and without those that can only be called as tasks. */
const toolEdits = (bytes: Uint8Array, resultSpan: Span): SpliceEdit[] => {
  const span = findMember(bytes, resultSpan, 'tools')
  if (span === undefined) return []
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset + span.start, span.end - span.start)
  if (!raw.includes('"execution"')) return []
  const tools = readValue(bytes, span)
  if (!Array.isArray(tools)) return []
  const kept = (tools as readonly unknown[]).flatMap((tool) => {
    if (!isJsonObject(tool)) return [tool]
    const { execution, ...rest } = tool
    return isJsonObject(execution) && execution['taskSupport'] === 'required' ? [] : [rest]
  })
  return [{ span, replacement: JSON.stringify(kept) }]
}

const errorResponse = (
  bytes: Uint8Array,
  { errorCode, errorSpan }: ScannedMessage,
  { method, uri }: ScannedMessage,
  edits: SpliceEdit[],
): { readonly message: Uint8Array; readonly status: number } => {
  const code = modernCode(errorCode)
  if (code !== errorCode && errorSpan !== undefined) {
    const set: [string, string][] = [['code', String(code)]]
    const isResource = method === 'resources/read' && errorCode === ERROR_CODE.resourceNotFound
    if (isResource && uri !== undefined && findMember(bytes, errorSpan, 'data') === undefined)
      set.push(['data', JSON.stringify({ uri })])
    edits.push(...editMembers(bytes, errorSpan, { set }))
  }
  return { message: spliceMessage(bytes, edits), status: STATUS.get(code) ?? 200 }
}

/** Codes that the newer era has given up, or does not want any more. */
const modernCode = (code: number | undefined): number | undefined => {
  if (code === ERROR_CODE.resourceNotFound) return ERROR_CODE.invalidParams
  if (code === ERROR_CODE.urlElicitationRequired) return ERROR_CODE.internal
  return code !== undefined && code >= -32_019 && code <= -32_000 ? ERROR_CODE.internal : code
}
