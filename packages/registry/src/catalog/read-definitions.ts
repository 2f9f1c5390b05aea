import { findMember, listElements, readValue, scanMessage, type Span } from '@mreg/mcp-wire'

import { definitionHash } from './definition-hash.ts'
import { type Definition, DEFINITION_LISTS, type DefinitionKind } from './definition.ts'

/** One page of a list of a server. */
export interface DefinitionPage {
  readonly definitions: readonly Definition[]
  /** What to ask for the next page with; undefined: this is the last. */
  readonly nextCursor: string | undefined
  /** How many entries were left out because they are not what the protocol wants: no object, or without a name. */
  readonly leftOut: number
}

/**
 * Reads a server's answer to a list.
 *
 * @param message the JSON-RPC response.
 * @param maxDepth deepest nesting of it.
 * @returns undefined when it is no list: an error, or without the member that holds the entries.
 * @throws {WireError} it is no message.
 */
export const readDefinitions = (
  kind: DefinitionKind,
  message: Uint8Array,
  maxDepth: number,
): DefinitionPage | undefined => {
  const { resultSpan } = scanMessage(message, { maxDepth, duplicateKeys: 'envelope' })
  if (resultSpan === undefined || !isObject(message, resultSpan)) return undefined
  const { member, key } = DEFINITION_LISTS[kind]
  const list = findMember(message, resultSpan, member)
  if (list === undefined || message[list.start] !== 0x5b) return undefined
  const cursor = findMember(message, resultSpan, 'nextCursor')
  const nextCursor = cursor && readValue(message, cursor)
  const elements = listElements(message, list)
  const definitions = elements.flatMap((span) => definitionIn(kind, key, message, span) ?? [])
  return {
    definitions,
    // An empty one is a cursor as well.
    nextCursor: typeof nextCursor === 'string' ? nextCursor : undefined,
    leftOut: elements.length - definitions.length,
  }
}

const definitionIn = (
  kind: DefinitionKind,
  key: string,
  message: Uint8Array,
  span: Span,
): Definition | undefined => {
  if (!isObject(message, span)) return undefined
  const nameSpan = findMember(message, span, key)
  const name = nameSpan && readValue(message, nameSpan)
  if (typeof name !== 'string') return undefined
  // A copy, lest one definition keep the whole answer in memory.
  const bytes = message.slice(span.start, span.end)
  return { kind, name, bytes, hash: definitionHash(readValue(message, span)) }
}

const isObject = (message: Uint8Array, span: Span): boolean => message[span.start] === 0x7b
