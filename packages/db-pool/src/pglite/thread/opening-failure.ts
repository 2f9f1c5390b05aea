/**
 * Where the opening of a database failed.
 *
 * - `keep`: what was there could not be packed before it was opened.
 * - `fill`: the tarball could not be unpacked.
 * - `open`: the database did not start on the directory.
 * - `verify`: it started, and a file or a page of it is missing or damaged.
 */
export type OpeningStep = 'keep' | 'fill' | 'open' | 'verify'

/** Runs one step; an error says afterwards which one it came from. */
export const duringStep = async <T>(step: OpeningStep, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw Object.assign(error instanceof Error ? error : new Error(String(error)), { step })
  }
}

/** The step that an error came from, also after it has crossed threads; undefined when it came from none. */
export const stepOf = (error: unknown): OpeningStep | undefined => {
  const step: unknown =
    typeof error === 'object' && error !== null && 'step' in error ? error.step : undefined
  return step === 'keep' || step === 'fill' || step === 'open' || step === 'verify' ? step : undefined
}

/** What PostgreSQL's log says before every line. */
const PREFIX = /^\S+ \S+ \S+ \[\d+\] (?:PANIC|FATAL|DETAIL):\s+/u

/**
 * Says why the database did not start: its own words, when it left any.
 *
 * @param log the lines that it wrote.
 */
export const startFailure = (error: unknown, log: readonly string[]): Error => {
  const reasons = log.filter((line) => PREFIX.test(line)).map((line) => line.replace(PREFIX, ''))
  const last = log.findLast((line) => line.startsWith('postgres: '))?.slice('postgres: '.length)
  const own = error instanceof Error ? error.message : String(error)
  const message = reasons.length > 0 ? reasons.slice(-2).join(' ') : (last ?? own)
  return new Error(message, { cause: error })
}

/** The same words when the machine is at fault, and not the files: full, forbidden, out of memory. */
const ENVIRONMENT =
  /No space left|No file descriptors|Too many open files|Permission denied|not permitted|Read-only file system|I\/O error|Out of memory|Quota exceeded|Cannot allocate/iu

/** Of another major version of PostgreSQL: the files are good, and this program cannot read them. */
const OTHER_VERSION = /initialized by PostgreSQL version \S+, which is not compatible/u

/** Whether the files are damaged: an error of the step `open` or `verify` that is not the machine's or the version's. */
export const isUnreadable = (error: unknown): error is Error => {
  const step = stepOf(error)
  return (
    error instanceof Error &&
    (step === 'open' || step === 'verify') &&
    !ENVIRONMENT.test(error.message) &&
    !OTHER_VERSION.test(error.message)
  )
}
