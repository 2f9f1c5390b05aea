const brand = Symbol.for('@mreg/db-pool/MigrationError')

/** The schema could not be brought up to date. All of it was rolled back. */
export class MigrationError extends Error {
  readonly [brand] = true
  readonly code = 'ERR_DATABASE_MIGRATION'
  /** The migration that failed; undefined when it was not one of them (a lock, a diverged history). */
  readonly migrationName: string | undefined

  constructor(migrationName: string | undefined, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MigrationError'
    this.migrationName = migrationName
  }

  /** Whether `error` is one, whichever copy of this package made it. */
  static is(error: unknown): error is MigrationError {
    return typeof error === 'object' && error !== null && brand in error
  }
}
