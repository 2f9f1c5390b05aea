import type { DirectDatabasePool } from '../database-pool.ts'
import { SessionPool } from '../session/session-pool.ts'
import { PgliteBackend } from './pglite-backend.ts'
import { type PglitePoolOptions, resolvePgliteOptions } from './pglite-options.ts'

/** A pool over the embedded database. */
export interface PglitePool<Schema> extends DirectDatabasePool<Schema> {
  readonly kind: 'pglite'
  /** The whole database as a gzipped tarball, for a backup or as `initialDataDirectory` of another. */
  dump(): Promise<Blob>
}

/**
 * PGlite, PostgreSQL inside this process, as a pool of one connection: sessions run one after the other.
 * Nothing is opened before {@link DirectDatabasePool.initialize} or the first use.
 *
 * @throws {RangeError} an option is out of range; the message names it.
 */
export const createPglitePool = <Schema>(options: PglitePoolOptions = {}): PglitePool<Schema> => {
  const resolved = resolvePgliteOptions(options)
  const backend = new PgliteBackend(resolved)
  return new EmbeddedPool<Schema>(backend, resolved)
}

class EmbeddedPool<Schema> extends SessionPool<Schema> implements PglitePool<Schema> {
  override readonly kind = 'pglite'
  readonly #backend: PgliteBackend

  constructor(backend: PgliteBackend, options: ReturnType<typeof resolvePgliteOptions>) {
    super(backend, options)
    this.#backend = backend
  }

  dump(): Promise<Blob> {
    return this.#backend.dump()
  }
}
