import { UpstreamTransportError } from '../../src/index.ts'

/** The transport's error that `work` rejects with; anything else fails the test. */
export async function failureOf(work: Promise<unknown>): Promise<UpstreamTransportError> {
  try {
    await work
  } catch (error) {
    if (UpstreamTransportError.is(error)) return error
    throw error
  }
  throw new Error('expected a failure, but it succeeded')
}
