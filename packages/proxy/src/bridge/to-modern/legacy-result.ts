import {
  editMembers,
  ERROR_CODE,
  type JsonRpcId,
  listMembers,
  META,
  mirroredArguments,
  readValue,
  type ScannedMessage,
  type Span,
  type SpliceEdit,
  spliceMessage,
} from '@mreg/mcp-wire'
import { isJsonObject } from '@mreg/upstream'

import { idEdits } from '../turns.ts'
import { needsWrapping, type ToolShapes, wrappedSchema } from './tool-shapes.ts'

interface LegacyResponseOptions {
  /** The id under which the client awaits it. */
  readonly id: JsonRpcId
  /** What it asked. */
  readonly request: ScannedMessage
  readonly shapes: ToolShapes
}

const OPENING_BRACE = 0x7b

/** What only results of the newer era have. Clients on SDK 1 refuse an empty result with anything in it. */
const MODERN_MEMBERS: ReadonlySet<string> = new Set(['resultType', 'ttlMs', 'cacheScope'])

/**
 * A server's response of the newer era as one of the older: without what is new, and with what older clients choke on in a
 * form that they take. Bytes that need no change are not touched.
 */
export const legacyResponse = (
  bytes: Uint8Array,
  response: ScannedMessage,
  { id, request, shapes }: LegacyResponseOptions,
): Uint8Array => {
  const { resultSpan } = response
  const edits: SpliceEdit[] = idEdits(response, id)
  if (resultSpan === undefined || bytes[resultSpan.start] !== OPENING_BRACE)
    return spliceMessage(bytes, [...edits, ...errorEdits(bytes, response, request)])
  const members = listMembers(bytes, resultSpan)
  const span = (key: string): Span | undefined => members.findLast((member) => member.key === key)?.valueSpan
  const remove = members.map(({ key }) => key).filter((key) => MODERN_MEMBERS.has(key))
  const set: (readonly [string, string])[] = []

  const meta = span('_meta')
  if (meta !== undefined && bytes[meta.start] === OPENING_BRACE) {
    const keys = listMembers(bytes, meta).map(({ key }) => key)
    if (keys.every((key) => key === META.serverInfo)) remove.push('_meta')
    else edits.push(...editMembers(bytes, meta, { remove: [META.serverInfo] }))
  }
  const structured = request.method === 'tools/call' ? span('structuredContent') : undefined
  if (
    structured !== undefined &&
    (shapes.isWrapped(request.name) || bytes[structured.start] !== OPENING_BRACE)
  )
    edits.push(...wrap(structured))
  const tools = request.method === 'tools/list' ? span('tools') : undefined
  if (tools !== undefined) {
    const changed = legacyTools(readValue(bytes, tools), shapes)
    if (changed !== undefined) set.push(['tools', JSON.stringify(changed)])
  }
  return spliceMessage(bytes, [...edits, ...editMembers(bytes, resultSpan, { set, remove })])
}

/**
 * The tools with output schemas that older clients take, and without those that cannot be called over HTTP: what they want
 * repeated in headers breaks the rules. Undefined: as they are.
 */
const legacyTools = (tools: unknown, shapes: ToolShapes): readonly unknown[] | undefined => {
  if (!Array.isArray(tools)) return undefined
  const listed: readonly unknown[] = tools
  shapes.learn(listed)
  let isChanged = false
  const changed = listed.flatMap((tool) => {
    if (!isJsonObject(tool)) return [tool]
    const { inputSchema, outputSchema } = tool
    const isCallable = mirroredArguments(inputSchema) !== undefined
    if (isCallable && (!isJsonObject(outputSchema) || !needsWrapping(outputSchema))) return [tool]
    isChanged = true
    if (!isCallable) return []
    return [isJsonObject(outputSchema) ? { ...tool, outputSchema: wrappedSchema(outputSchema) } : tool]
  })
  return isChanged ? changed : undefined
}

const wrap = ({ start, end }: Span): SpliceEdit[] => [
  { span: { start, end: start }, replacement: '{"result":' },
  { span: { start: end, end }, replacement: '}' },
]

/** A resource that does not exist has a code of its own in the older era. */
const errorEdits = (
  bytes: Uint8Array,
  response: ScannedMessage,
  { method }: ScannedMessage,
): SpliceEdit[] => {
  const { errorCode, errorSpan } = response
  if (method !== 'resources/read' || errorCode !== ERROR_CODE.invalidParams || errorSpan === undefined)
    return []
  const error = readValue(bytes, errorSpan)
  const data = isJsonObject(error) ? error['data'] : undefined
  if (!isJsonObject(data) || typeof data['uri'] !== 'string') return []
  return editMembers(bytes, errorSpan, { set: [['code', String(ERROR_CODE.resourceNotFound)]] })
}
