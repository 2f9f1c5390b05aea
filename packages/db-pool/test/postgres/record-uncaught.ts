import { afterAll, beforeAll, expect } from 'vitest'

/** Fails the file if an error reached nobody, which would end a process that is not under test. */
export const expectNothingUncaught = (): void => {
  const uncaught: unknown[] = []
  const note = (error: unknown): void => {
    uncaught.push(error)
  }
  beforeAll(() => {
    process.on('unhandledRejection', note)
    process.on('uncaughtExceptionMonitor', note)
  })
  afterAll(() => {
    process.off('unhandledRejection', note)
    process.off('uncaughtExceptionMonitor', note)
    expect(uncaught).toEqual([])
  })
}
