import type * as z from 'zod'

import { type Fault, ValidationError } from './errors/errors.ts'

/**
 * `input` as `schema` understands it, defaults filled in.
 *
 * @throws {ValidationError} that lists every fault with its path.
 */
export const parseInput = <Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> => {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  throw new ValidationError(parsed.error.issues.flatMap(faultsOf))
}

const faultsOf = (issue: z.core.$ZodIssue): Fault[] => {
  const path = (...more: readonly PropertyKey[]): string => [...issue.path, ...more].map(String).join('.')
  return issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => ({ path: path(key), message: 'is not known here; check its spelling' }))
    : [{ path: path(), message: issue.message }]
}
