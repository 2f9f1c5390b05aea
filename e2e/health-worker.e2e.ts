import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import {
  createTestDatabase,
  type EverythingServer,
  type GatewayProcess,
  ManagedProcess,
  removeDataDirectory,
  startEverythingServer,
  startGateway,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'

const builtWorker = fileURLToPath(new URL('../apps/health-worker/dist/main.js', import.meta.url))

let database: Awaited<ReturnType<typeof createTestDatabase>>
let parent: string
let environment: Record<string, string>
let gateway: GatewayProcess
let server: EverythingServer
let worker: ManagedProcess

const startWorker = (): ManagedProcess =>
  new ManagedProcess({
    command: process.execPath,
    arguments: [builtWorker],
    environment: { ...environment, MREG_DATA_DIR: join(parent, 'data') },
  })

const expectStatus = (status: string): Promise<unknown> =>
  waitUntil(`the server to be ${status}`, async () => {
    const { json } = await new Administrator(gateway).send('GET', '/servers/everything/health')
    return typeof json === 'object' && json !== null && 'status' in json && json.status === status
  })

const historyOf = (json: unknown): { readonly items: { status: string; checkedAt: string }[] } => {
  if (!hasHistory(json)) throw new Error(`no history: ${JSON.stringify(json)}`)
  return json.history
}

beforeAll(async () => {
  database = await createTestDatabase()
  parent = await mkdtemp(join(tmpdir(), 'mreg-e2e-'))
  const settings = join(parent, 'settings.json')
  await writeFile(settings, JSON.stringify({ health: { intervalMs: 1000, unhealthyIntervalMs: 500 } }))
  environment = { MREG_DATABASE_URL: database.url, MREG_HEALTH_MODE: 'worker', MREG_CONFIG: settings }
  gateway = await startGateway({ dataDirectory: join(parent, 'data'), environment })
  server = await startEverythingServer()
  await new Administrator(gateway).register('everything', server.url)
  worker = startWorker()
})

afterAll(async () => {
  await worker?.kill()
  await server?.stop()
  await gateway?.terminate()
  await database?.drop()
  await removeDataDirectory(parent)
})

test('a worker process tells the gateway that a server has died, and that it is back', async () => {
  await expectStatus('healthy')
  await server.kill()
  await expectStatus('unhealthy')
  await server.restart()
  await expectStatus('healthy')
})

test('what the worker found over time is read through the gateway, newest first', async () => {
  const { json } = await new Administrator(gateway).send('GET', '/servers/everything/health?limit=200')
  const { items } = historyOf(json)
  const statuses = items.map(({ status }) => status)
  const times = items.map(({ checkedAt }) => checkedAt)
  // What the gateway itself saw of it meanwhile is there as well.
  expect(statuses).toEqual(expect.arrayContaining(['healthy', 'unhealthy']))
  expect(times).toEqual(times.toSorted().toReversed())
})

test('after kill -9 of the worker, states stay as they were, and another one goes on', async () => {
  await worker.kill()
  await server.kill()
  await expectStatus('healthy')
  worker = startWorker()
  await expectStatus('unhealthy')
  await server.restart()
  await expectStatus('healthy')
})

test('SIGTERM ends the worker with 0', async () => {
  worker.signal('SIGTERM')
  expect((await worker.exited).code).toBe(0)
})

test('without a shared database it says so in one line, and does not start', async () => {
  const alone = new ManagedProcess({
    command: process.execPath,
    arguments: [builtWorker],
    environment: { MREG_DATA_DIR: join(parent, 'alone') },
  })
  expect((await alone.exited).code).toBe(1)
  expect(alone.stderr.trim()).toMatch(/^mreg: MREG_DATABASE_URL must be postgres:\/\/.*$/u)
})

function hasHistory(
  json: unknown,
): json is { readonly history: { readonly items: { status: string; checkedAt: string }[] } } {
  return typeof json === 'object' && json !== null && 'history' in json
}
