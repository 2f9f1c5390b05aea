import { provisionServices, type TestServices } from './services/provision-services.ts'
import { ServiceUnavailableError } from './services/service-unavailable-error.ts'

/**
 * Global set-up of the projects `integration` and `e2e`. Each project loads this file anew in the same process, so what
 * they share hangs on a global variable: the first one to come provisions, the last one to go releases.
 */
export interface Shared {
  readonly services: Promise<TestServices>
  users: number
}

declare global {
  var mregTestServices: Shared | undefined
}

/** Provisions PostgreSQL and Redis, and tells the workers by environment variables. */
export async function setup(): Promise<void> {
  const shared = (globalThis.mregTestServices ??= { services: provisionServices(), users: 0 })
  shared.users += 1
  try {
    const services = await shared.services
    process.env['MREG_TEST_DATABASE_URL'] = services.databaseUrl
    process.env['MREG_TEST_REDIS_URL'] = services.redisUrl
    process.env['MREG_TEST_REDIS_PREFIX'] = services.redisPrefix
  } catch (error) {
    if (!ServiceUnavailableError.is(error)) throw error
    // One line, no stack: whoever runs the tests must do something about the machine, not read our code.
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}

/** Releases them when the last project is done. */
export async function teardown(): Promise<void> {
  const shared = globalThis.mregTestServices
  if (shared === undefined) return
  shared.users -= 1
  if (shared.users > 0) return
  globalThis.mregTestServices = undefined
  await (await shared.services).release()
}
