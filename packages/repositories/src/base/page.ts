import { ValidationError } from '@mreg/core'

/** The longest page. */
export const MAX_PAGE_LIMIT = 1_000

/** Which page of a list. */
export interface PageRequest {
  /** At most how many items, from 1 to {@link MAX_PAGE_LIMIT}. */
  readonly limit: number
  /** `nextCursor` of the page before; undefined: the first page. */
  readonly cursor?: string | undefined
}

/** One page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[]
  /** Asks for the next page; undefined: there is none. */
  readonly nextCursor: string | undefined
}

/** @throws {ValidationError} the limit is out of range. */
export const checkLimit = (limit: number): void => {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_PAGE_LIMIT) {
    throw new ValidationError([
      { path: 'limit', message: `must be a whole number from 1 to ${MAX_PAGE_LIMIT}` },
    ])
  }
}
