import { HttpPoolError } from '../../src/index.ts'

/** The pool's error that `work` rejects with; anything else fails the test. */
export async function failureOf(work: Promise<unknown>): Promise<HttpPoolError> {
  try {
    await work
  } catch (error) {
    if (HttpPoolError.is(error)) return error
    throw error
  }
  throw new Error('expected a failure, but it succeeded')
}
