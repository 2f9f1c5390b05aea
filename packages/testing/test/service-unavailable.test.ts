import { expect, test } from 'vitest'

import { freePort } from '../src/processes/free-port.ts'
import { findLocalPostgres } from '../src/services/local-postgres.ts'
import { acquirePostgresServer } from '../src/services/postgres-server.ts'
import { acquireRedisServer } from '../src/services/redis-server.ts'
import { ServiceUnavailableError } from '../src/services/service-unavailable-error.ts'

const silent = (): void => undefined

const refusalOf = async (attempt: Promise<unknown>): Promise<ServiceUnavailableError> => {
  const error: unknown = await attempt.then(
    () => 'it was had after all',
    (reason: unknown) => reason,
  )
  if (!ServiceUnavailableError.is(error)) throw new Error(String(error))
  return error
}

test('without a Redis server and without redis-server on PATH the run fails with one line that says what to do', async () => {
  const error = await refusalOf(
    acquireRedisServer({
      port: await freePort(),
      environment: { PATH: '/nowhere' },
      mayInstall: false,
      report: silent,
    }),
  )
  expect(error.service).toBe('Redis')
  expect(error.message).toContain('there is no redis-server on PATH')
  expect(error.message).toContain('apt-get install redis-server')
  expect(error.message).toContain('MREG_TEST_REDIS_URL')
  expect(error.message).not.toContain('\n')
})

test('nothing is installed where there is no apt-get', async () => {
  const lines: string[] = []
  await refusalOf(
    acquireRedisServer({
      port: await freePort(),
      environment: { PATH: '/nowhere' },
      report: (line) => void lines.push(line),
    }),
  )
  expect(lines).toEqual([])
})

test('a Redis address from the environment that does not work is an error, not a reason to look elsewhere', async () => {
  const url = `redis://:hidden@127.0.0.1:${await freePort()}`
  const error = await refusalOf(
    acquireRedisServer({ environment: { MREG_TEST_REDIS_URL: url }, report: silent }),
  )
  expect(error.message).toContain('MREG_TEST_REDIS_URL does not work')
  expect(error.message).not.toContain('hidden')
  expect(error.message).not.toContain('\n')
})

test('a PostgreSQL address from the environment that does not work is an error, not a reason to look elsewhere', async () => {
  const url = `postgres://somebody:hidden@127.0.0.1:${await freePort()}/postgres`
  const error = await refusalOf(
    acquirePostgresServer({ environment: { MREG_TEST_DATABASE_URL: url }, report: silent }),
  )
  expect(error.message).toContain('MREG_TEST_DATABASE_URL does not work')
  expect(error.message).not.toContain('hidden')
  expect(error.message).not.toContain('\n')
})

test('a port on which no PostgreSQL listens is a refusal that names the address', async () => {
  const port = await freePort()
  const { url, refusal } = await findLocalPostgres({ port, environment: {} })
  expect(url).toBeUndefined()
  expect(refusal).toContain(`127.0.0.1:${port}`)
  expect(refusal).toContain('ECONNREFUSED')
})
