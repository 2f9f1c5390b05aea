/** The five-character SQLSTATE of an error that the database raised; undefined for any other error. */
export const sqlStateOf = (error: unknown): string | undefined => {
  if (typeof error !== 'object' || error === null || !('code' in error)) {
    return undefined
  }
  const { code } = error
  return typeof code === 'string' && /^[0-9A-Z]{5}$/u.test(code) && 'severity' in error ? code : undefined
}

/** The constraint that an error names; undefined when it names none. */
export const constraintOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'constraint' in error && typeof error.constraint === 'string'
    ? error.constraint
    : undefined

/**
 * Whether `error` says that a unique constraint was violated (SQLSTATE 23505).
 *
 * @param constraint only this constraint or unique index; undefined: any.
 */
export const isUniqueViolation = (error: unknown, constraint?: string): boolean =>
  sqlStateOf(error) === '23505' && (constraint === undefined || constraintOf(error) === constraint)

/**
 * Whether `error` says that a foreign key was violated (SQLSTATE 23503).
 *
 * @param constraint only this constraint; undefined: any.
 */
export const isForeignKeyViolation = (error: unknown, constraint?: string): boolean =>
  sqlStateOf(error) === '23503' && (constraint === undefined || constraintOf(error) === constraint)

/** Whether `error` says that sessions collided (SQLSTATE 40001, 40P01), so that the same work may succeed if it is done again. */
export const isConflict = (error: unknown): boolean => {
  const state = sqlStateOf(error)
  return state === '40001' || state === '40P01'
}

/** Whether `error` says that the schema changed under a named statement, so that the connection has to parse it again. */
export const isStalePlan = (error: unknown): boolean =>
  sqlStateOf(error) === '0A000' &&
  typeof error === 'object' &&
  error !== null &&
  'routine' in error &&
  error.routine === 'RevalidateCachedQuery'
