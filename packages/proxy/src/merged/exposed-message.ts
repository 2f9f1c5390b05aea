import {
  contentUris,
  findMember,
  readValue,
  scanMessage,
  type Span,
  type SpliceEdit,
  spliceMessage,
} from '@mreg/mcp-wire'

/** What clients call the things of one server. */
export interface NamesOfServer {
  readonly ofUri: (uri: string) => string
  readonly ofTask: (taskId: string) => string
}

export interface ExposedMessageOptions {
  /** What the server was asked. */
  readonly method: string | undefined
  readonly maxJsonDepth: number
  readonly names: NamesOfServer
}

const OPENING_BRACE = 0x7b

/** A message of a server with what it speaks of under the names that clients know: resources, and tasks. */
export const exposedMessage = (
  message: Uint8Array,
  { method, maxJsonDepth, names }: ExposedMessageOptions,
): Uint8Array => {
  const { errorSpan, resultSpan, resultType } = scanMessage(message, {
    maxDepth: maxJsonDepth,
    duplicateKeys: 'envelope',
  })
  const renamed = (span: Span | undefined, nameOf: (own: string) => string): SpliceEdit[] => {
    const own = span && readValue(message, span)
    const name = typeof own === 'string' ? nameOf(own) : own
    return span === undefined || name === own ? [] : [{ span, replacement: JSON.stringify(name) }]
  }
  const edits = (result: Span): SpliceEdit[] =>
    contentUris(message, result).flatMap((span) => renamed(span, names.ofUri))
  if (errorSpan !== undefined) {
    const data = memberOf(message, errorSpan, 'data')
    return spliceMessage(message, renamed(data && memberOf(message, data, 'uri'), names.ofUri))
  }
  if (resultSpan === undefined) return message
  if (resultType !== 'task' && method?.startsWith('tasks/') !== true)
    return spliceMessage(message, edits(resultSpan))
  const finished = memberOf(message, resultSpan, 'result')
  return spliceMessage(message, [
    ...renamed(memberOf(message, resultSpan, 'taskId'), names.ofTask),
    ...(finished === undefined ? [] : edits(finished)),
  ])
}

const memberOf = (message: Uint8Array, object: Span, key: string): Span | undefined =>
  message[object.start] === OPENING_BRACE ? findMember(message, object, key) : undefined
