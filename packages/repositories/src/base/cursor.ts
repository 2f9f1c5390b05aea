import { ValidationError } from '@mreg/core'

import { isEntityId } from './entity-id.ts'
import { isStorableText } from './storable-text.ts'

/** Where a list goes on: the sort key of the last item of a page. Opaque to whoever carries it. */
export const encodeCursor = (sortKey: readonly string[]): string =>
  Buffer.from(JSON.stringify(sortKey)).toString('base64url')

/**
 * Reads what {@link encodeCursor} gave.
 *
 * @param length how many parts the sort key has.
 * @throws {ValidationError} code `invalid_cursor`.
 */
export const decodeCursor = (cursor: string, length: number): readonly string[] => {
  const parts = parse(cursor)
  if (!Array.isArray(parts) || parts.length !== length || !parts.every(isStorable)) {
    throw invalidCursor()
  }
  return parts
}

/** What is thrown for a cursor that no page can have given. */
export const invalidCursor = (): ValidationError =>
  new ValidationError([{ path: 'cursor', message: 'must be the nextCursor of an earlier page, unchanged' }], {
    code: 'invalid_cursor',
  })

const isStorable = (part: unknown): part is string => typeof part === 'string' && isStorableText(part)

const parse = (cursor: string): unknown => {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    return undefined
  }
}

/** @throws {ValidationError} code `invalid_cursor`: the part of a sort key is no id, so no page can have given it. */
export const requireCursorId = (part: string): string => {
  if (!isEntityId(part)) throw invalidCursor()
  return part
}
