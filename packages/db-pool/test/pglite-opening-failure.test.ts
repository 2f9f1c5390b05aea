import { describe, expect, it } from 'vitest'

import { toError, toPlain } from '../src/pglite/thread/engine-messages.ts'
import { duringStep, isUnreadable, startFailure } from '../src/pglite/thread/opening-failure.ts'

/** What PostgreSQL says before each line of its log. */
const line = (text: string): string => `2026-11-23 07:48:23.436 UTC [42] ${text}`

const failure = async (
  step: 'keep' | 'fill' | 'open' | 'verify',
  ...log: readonly string[]
): Promise<Error> => {
  try {
    await duringStep(step, () => Promise.reject(startFailure(new Error('Aborted()'), log.map(line))))
  } catch (error) {
    // As it comes out of the thread.
    return toError(toPlain(error))
  }
  throw new Error('it was fulfilled')
}

describe('what is said about a database that did not open', () => {
  it('is what the database said last', async () => {
    const error = await failure('open', 'LOG:  starting', 'PANIC:  could not read file "global/pg_control"')

    expect(error.message).toBe('could not read file "global/pg_control"')
    expect((await failure('open')).message).toBe('Aborted()')
  })

  it.each([
    ['open', 'PANIC:  could not read file "global/pg_control": read 100 of 296', true],
    ['open', 'PANIC:  could not locate a valid checkpoint record at 0/1AD95B0', true],
    ['verify', 'FATAL:  page 3 of the file base/5/1259 is damaged', true],
    // The machine is at fault.
    ['open', 'PANIC:  could not write to file "pg_wal/xlogtemp.42": No space left on device', false],
    ['open', 'FATAL:  could not open file "base/5/1259": Permission denied', false],
    ['open', 'PANIC:  could not open file "global/pg_control": No file descriptors available', false],
    ['verify', 'FATAL:  could not read file "base/5/1259": I/O error', false],
    // Another program has to open it.
    [
      'open',
      'DETAIL:  The data directory was initialized by PostgreSQL version 17, which is not compatible with this version 18.6.',
      false,
    ],
    // The directory has not been looked at.
    ['keep', 'FATAL:  anything', false],
    ['fill', 'FATAL:  anything', false],
  ] as const)('%s, %s: damaged is %s', async (step, text, damaged) => {
    expect(isUnreadable(await failure(step, text))).toBe(damaged)
  })
})
