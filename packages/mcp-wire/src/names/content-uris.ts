import { listElements } from '../elements.ts'
import { listMembers, readValue } from '../members.ts'
import type { Span } from '../span.ts'

/** How deep `tool_result` blocks may hold others before what is in them is left alone. */
const MAX_NESTING = 4

/**
 * Where the URIs of resources stand in a result (`tools/call`, `prompts/get`, `resources/read`) or in the params of
 * `sampling/createMessage`: those of resource links, of embedded resources and of the resources read, as spans with
 * their quotes. What is in `structuredContent`, in texts and in vendor fields is not looked at. Whatever has another
 * form than the specification gives it is passed over.
 *
 * @param object the span of the result or the params, in a message that `scanMessage` accepted.
 */
export function contentUris(bytes: Uint8Array, object: Span): Span[] {
  const found: Span[] = []
  for (const { key, valueSpan } of membersOf(bytes, object)) {
    if (key === 'content') addBlocks(bytes, valueSpan, found, 0)
    else if (key === 'contents') for (const item of elementsOf(bytes, valueSpan)) addUri(bytes, item, found)
    else if (key === 'messages') {
      for (const message of elementsOf(bytes, valueSpan)) {
        for (const member of membersOf(bytes, message)) {
          if (member.key === 'content') addBlocks(bytes, member.valueSpan, found, 0)
        }
      }
    }
  }
  return found
}

/** One block, or an array of them. */
function addBlocks(bytes: Uint8Array, span: Span, found: Span[], nesting: number): void {
  if (bytes[span.start] === 0x7b) addBlock(bytes, span, found, nesting)
  else for (const block of elementsOf(bytes, span)) addBlock(bytes, block, found, nesting)
}

function addBlock(bytes: Uint8Array, block: Span, found: Span[], nesting: number): void {
  const members = new Map(membersOf(bytes, block).map(({ key, valueSpan }) => [key, valueSpan]))
  const typeSpan = members.get('type')
  const type = typeSpan === undefined ? undefined : readValue(bytes, typeSpan)
  const resource = members.get('resource')
  const content = members.get('content')
  if (type === 'resource_link') addUri(bytes, block, found)
  else if (type === 'resource' && resource !== undefined) addUri(bytes, resource, found)
  else if (type === 'tool_result' && content !== undefined && nesting < MAX_NESTING) {
    addBlocks(bytes, content, found, nesting + 1)
  }
}

function addUri(bytes: Uint8Array, object: Span, found: Span[]): void {
  const uri = membersOf(bytes, object).findLast(({ key }) => key === 'uri')?.valueSpan
  if (uri !== undefined && bytes[uri.start] === 0x22) found.push(uri)
}

const membersOf = (bytes: Uint8Array, span: Span): ReturnType<typeof listMembers> =>
  bytes[span.start] === 0x7b ? listMembers(bytes, span) : []

const elementsOf = (bytes: Uint8Array, span: Span): Span[] =>
  bytes[span.start] === 0x5b ? listElements(bytes, span) : []
