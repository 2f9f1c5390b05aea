import { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'

/** Says that a directory cannot be used, and why; an error that says so already stays as it is. */
export const unusable = (path: string, cause: unknown): DatabaseUnavailableError => {
  if (DatabaseUnavailableError.is(cause)) {
    return cause
  }
  const about = cause instanceof Error ? cause.message : String(cause)
  return new DatabaseUnavailableError('directory', `the data directory ${path} cannot be used: ${about}`, {
    cause,
  })
}
