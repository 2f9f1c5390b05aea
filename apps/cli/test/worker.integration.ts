import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import {
  createTestDatabase,
  type FixtureServer,
  ManagedProcess,
  startFixtureServer,
  type TestDatabase,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'

import { builtProgram, runCommand, temporaryDirectory } from './support/command.ts'
import { openWorkplace, type Workplace } from './support/workplace.ts'

let parent: Awaited<ReturnType<typeof temporaryDirectory>>
let database: TestDatabase
let workplace: Workplace
let environment: Readonly<Record<string, string>>

beforeAll(async () => {
  database = await createTestDatabase()
  parent = await temporaryDirectory()
  const settings = join(parent.path, 'settings.json')
  await writeFile(settings, JSON.stringify({ health: { intervalMs: 1000, unhealthyIntervalMs: 500 } }))
  environment = { MREG_DATABASE_URL: database.url, MREG_CONFIG: settings, MREG_HEALTH_MODE: 'worker' }
  workplace = await openWorkplace(environment)
}, 120_000)

afterAll(async () => {
  await workplace[Symbol.asyncDispose]()
  await database.drop()
  await parent[Symbol.asyncDispose]()
})

/** `mreg worker`, as it was built last, for the gateway of the workplace. */
const startWorker = (): ManagedProcess =>
  new ManagedProcess({
    command: process.execPath,
    arguments: [builtProgram, 'worker'],
    environment: { PATH: process.env['PATH'], ...workplace.environment, ...environment },
  })

const statusSchema = z.object({ status: z.string() })

const untilStatus = (status: string): Promise<unknown> =>
  waitUntil(
    `the server to be ${status}`,
    async () => statusSchema.parse(await workplace.json(['show', 'fixture'])).status === status,
    { timeoutMs: 60_000, intervalMs: 200 },
  )

test('a worker beside a gateway on PostgreSQL keeps states true; when it is killed, another one goes on', async () => {
  let fixture: FixtureServer = await startFixtureServer()
  const { port } = fixture
  try {
    await using first = startWorker()
    await workplace.json(['add', 'fixture', fixture.url])
    await untilStatus('healthy')
    await fixture.stop()
    await untilStatus('unhealthy')

    expect(await first.kill()).toMatchObject({ signal: 'SIGKILL' })
    fixture = await startFixtureServer({ port })
    await using second = startWorker()
    await untilStatus('healthy')
    expect(await second.stop('SIGTERM', 30_000)).toEqual({ code: 0, signal: null })
  } finally {
    await fixture.stop()
  }
}, 240_000)

test('without a database that can be shared it says so in one line, and ends with 1', async () => {
  await using alone = await temporaryDirectory()
  const { code, stdout, stderr } = await runCommand(['worker'], {
    environment: { HOME: alone.path, MREG_DATA_DIR: join(alone.path, 'data') },
  })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^mreg: MREG_DATABASE_URL must be postgres:\/\/[^\n]*\n$/u)
})
