import { type PoolOptions, type ResolvedPoolOptions, resolvePoolOptions } from '../pool-options.ts'

/** What {@link createPglitePool} takes. */
export interface PglitePoolOptions extends PoolOptions {
  /**
   * Where the database lives; made when missing, locked while open. undefined: in memory, gone with the pool.
   */
  readonly dataDirectory?: string | undefined
  /**
   * What a new database starts from: a tarball that {@link PglitePool.dump} gave. It is not asked for when
   * there is a database already. undefined: a new one starts empty, which takes longer.
   */
  readonly initialDataDirectory?: Blob | (() => Promise<Blob>) | undefined
}

/** The same with defaults. */
export interface ResolvedPgliteOptions extends ResolvedPoolOptions {
  readonly dataDirectory: string | undefined
  readonly initialDataDirectory: Blob | (() => Promise<Blob>) | undefined
}

/** Fills in the defaults and checks the rest. */
export const resolvePgliteOptions = (options: PglitePoolOptions): ResolvedPgliteOptions => {
  if (options.dataDirectory === '') {
    throw new RangeError('dataDirectory must not be empty; leave it undefined for a database in memory')
  }
  return {
    ...resolvePoolOptions(options),
    dataDirectory: options.dataDirectory,
    initialDataDirectory: options.initialDataDirectory,
  }
}
