import {
  type PoolOptions,
  type ResolvedPoolOptions,
  resolvePoolOptions,
  wholeNumber,
} from '../pool-options.ts'
import type { RecoveryReport } from './open-directory.ts'

/** The dumps that a database in a directory makes of itself, in the folder `dumps` of that directory. */
export interface DumpOptions {
  /** How old the newest dump may become, in milliseconds. Default: a day. */
  readonly intervalMs?: number | undefined
  /** How many dumps are kept, of the daily ones, of those before migrations and of those before updates each. Default 7. */
  readonly keep?: number | undefined
}

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
  /** Default: daily, before migrations, and before another version of PGlite opens the directory. `false`: never. */
  readonly dumps?: DumpOptions | false | undefined
  /**
   * How long a statement on a database in a directory may run, in milliseconds; migrations may run for ever. Then the
   * thread of the database is ended and started again, since nothing else stops it. Default 60,000.
   */
  readonly statementTimeoutMs?: number | undefined
  /** Is told when a directory was opened whose database could not be read. undefined: nobody is. */
  readonly onRecovery?: ((report: RecoveryReport) => void) | undefined
}

/** The same with defaults. */
export interface ResolvedPgliteOptions extends ResolvedPoolOptions {
  readonly dataDirectory: string | undefined
  readonly initialDataDirectory: Blob | (() => Promise<Blob>) | undefined
  /** undefined: none are made. */
  readonly dumps: { readonly intervalMs: number; readonly keep: number } | undefined
  /** undefined: for ever, since a database in memory would be gone with its thread. */
  readonly statementTimeoutMs: number | undefined
  readonly onRecovery: (report: RecoveryReport) => void
}

const DAY_MS = 86_400_000

/** Fills in the defaults and checks the rest. */
export const resolvePgliteOptions = (options: PglitePoolOptions): ResolvedPgliteOptions => {
  if (options.dataDirectory === '') {
    throw new RangeError('dataDirectory must not be empty; leave it undefined for a database in memory')
  }
  const statementTimeoutMs = wholeNumber('statementTimeoutMs', options.statementTimeoutMs ?? 60_000, 1)
  const inDirectory = options.dataDirectory !== undefined
  return {
    ...resolvePoolOptions(options),
    dataDirectory: options.dataDirectory,
    initialDataDirectory: options.initialDataDirectory,
    dumps: inDirectory && options.dumps !== false ? resolveDumps(options.dumps ?? {}) : undefined,
    statementTimeoutMs: inDirectory ? statementTimeoutMs : undefined,
    onRecovery: options.onRecovery ?? (() => {}),
  }
}

const resolveDumps = ({
  intervalMs = DAY_MS,
  keep = 7,
}: DumpOptions): { intervalMs: number; keep: number } => ({
  intervalMs: wholeNumber('dumps.intervalMs', intervalMs, 1),
  keep: wholeNumber('dumps.keep', keep, 1),
})
