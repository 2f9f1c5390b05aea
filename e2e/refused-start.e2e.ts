import { mkdir, mkdtemp, readdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  type GatewayEnd,
  type GatewayProcess,
  removeDataDirectory,
  runGatewayToEnd,
  startGateway,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'
import { exchange } from './http-exchange.ts'
import { type Store, stores } from './stores.ts'

/** One line for the person who started it, which names what is wrong, among what is logged, and an exit code that is not 0. */
const expectRefusal = (end: GatewayEnd, ...words: readonly (string | RegExp)[]): void => {
  expect(end.signal).toBeNull()
  expect(end.code).toBeGreaterThan(0)
  const lines = end.stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('{"level":'))
  expect(lines).toHaveLength(1)
  for (const word of words) expect(lines[0]).toMatch(word)
}

const PRODUCTION = {
  MREG_ENVIRONMENT: 'production',
  MREG_ADMIN_KEY: 'k3N9vQ2xT7mB5rW8cY1zL4pD6hF0jS2a',
  MREG_SECRET_KEY: 'b7Kq2mX9vT4nR8wZ1cY5pL3dH6fJ0sGa',
}

let parent: string

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'mreg-e2e-'))
})

afterAll(() => removeDataDirectory(parent))

describe.each(stores)('a start beside a running gateway $name', ({ name, open }) => {
  let store: Store
  let dataDirectory: string
  let gateway: GatewayProcess

  beforeAll(async () => {
    store = await open()
    dataDirectory = join(parent, name.replaceAll(' ', '-'))
    gateway = await startGateway({ dataDirectory, environment: store.environment })
    const { status } = await new Administrator(gateway).register('kept', 'http://127.0.0.1:9/mcp')
    expect(status).toBe(201)
  })

  afterAll(async () => {
    await gateway?.kill()
    await store?.dispose()
  })

  const expectUndisturbed = async (): Promise<void> => {
    expect(gateway.isRunning).toBe(true)
    expect(await new Administrator(gateway).slugs()).toEqual(['kept'])
    expect(await readdir(dataDirectory)).toContain('endpoint.json')
  }

  test('with its data directory is refused', async () => {
    const end = await runGatewayToEnd({ dataDirectory, environment: store.environment })
    expectRefusal(end, dataDirectory, 'MREG_DATA_DIR', /in use/)
    await expectUndisturbed()
  })

  test('on its port is refused, and the data directory of the refused one is good for another start', async () => {
    const other = `${dataDirectory}-other`
    const end = await runGatewayToEnd({
      dataDirectory: other,
      port: gateway.port,
      environment: store.environment,
    })
    expectRefusal(end, String(gateway.port), 'MREG_PORT')
    expect(await readdir(other)).not.toContain('endpoint.json')
    await expectUndisturbed()

    await using second = await startGateway({ dataDirectory: other, environment: store.environment })
    expect((await exchange(`${second.url}/ready`)).status).toBe(200)
    expect(await second.terminate()).toEqual({ code: 0, signal: null })
  })

  test('after all of it, what was registered is there at the next start', async () => {
    expect(await gateway.terminate()).toEqual({ code: 0, signal: null })
    gateway = await startGateway({ dataDirectory, environment: store.environment })
    await expectUndisturbed()
  })
})

describe('a start with a data directory that cannot be written', () => {
  test('is refused below a file, and the file is left alone', async () => {
    const file = join(parent, 'file')
    await writeFile(file, 'precious')
    expectRefusal(await runGatewayToEnd({ dataDirectory: join(file, 'data') }), file, 'MREG_DATA_DIR')
    expect((await stat(file)).size).toBe('precious'.length)
  })

  test('is refused where the system lets nobody write', async () => {
    // /proc refuses even root; elsewhere a directory without rights does it for everybody else.
    const directory = process.getuid?.() === 0 ? '/proc/mreg' : join(parent, 'sealed', 'data')
    if (process.getuid?.() !== 0) await mkdir(join(parent, 'sealed'), { mode: 0o500 })
    expectRefusal(await runGatewayToEnd({ dataDirectory: directory }), directory, 'MREG_DATA_DIR')
  })
})

describe('a start with a bad setting', () => {
  test.each([
    ['a port that is not a number', { MREG_PORT: 'http' }, /MREG_PORT/],
    ['a misspelt variable, answered with the nearest', { MREG_PROT: '1' }, /MREG_PROT.*MREG_PORT/],
    [
      'S9 the whole network without authentication',
      { MREG_HOST: '0.0.0.0', MREG_PUBLIC_URL: 'https://mreg.example' },
      /MREG_AUTH_MODE/,
    ],
    ['S9 a public URL without authentication', { MREG_PUBLIC_URL: 'https://mreg.example' }, /MREG_AUTH_MODE/],
    ['S9 production without authentication', { ...PRODUCTION, MREG_AUTH_MODE: 'none' }, /MREG_AUTH_MODE/],
    [
      'S9 production with a default secret',
      { ...PRODUCTION, MREG_SECRET_KEY: 'changeme'.repeat(8) },
      /MREG_SECRET_KEY/,
    ],
    ['S9 production without an administrator’s key', { ...PRODUCTION, MREG_ADMIN_KEY: '' }, /MREG_ADMIN_KEY/],
    ['another kind of database', { MREG_DATABASE_URL: 'mysql://127.0.0.1/x' }, /MREG_DATABASE_URL/],
    ['a settings file that is not there', { MREG_CONFIG: '/nowhere/settings.json' }, /MREG_CONFIG/],
    ['several processes on the embedded database', { MREG_WORKERS: '2' }, /MREG_WORKERS/],
  ])('%s is refused, and nothing is left behind', async (_name, environment, words) => {
    const dataDirectory = join(parent, 'never-made')
    expectRefusal(await runGatewayToEnd({ dataDirectory, environment }), words)
    await expect(stat(dataDirectory)).rejects.toThrow('ENOENT')
  })

  test('is told of every bad setting, one line for each', async () => {
    const environment = { MREG_PORT: '-1', MREG_LOG_LEVEL: 'loud' }
    const end = await runGatewayToEnd({ dataDirectory: join(parent, 'never-made'), environment })
    expect(end.code).toBeGreaterThan(0)
    const lines = end.stderr.trim().split('\n')
    expect(lines).toHaveLength(2)
    expect(end.stderr).toMatch(/MREG_PORT/)
    expect(end.stderr).toMatch(/MREG_LOG_LEVEL/)
  })

  test('F34 is refused when the database does not answer and nothing was kept, without a word of the password', async () => {
    const end = await runGatewayToEnd({
      dataDirectory: join(parent, 'without-database'),
      environment: { MREG_DATABASE_URL: 'postgres://somebody:hidden@127.0.0.1:1/x', MREG_LOG_LEVEL: 'error' },
      readyTimeoutMs: 55_000,
    })
    expectRefusal(end, /127\.0\.0\.1:1|MREG_DATABASE_URL/)
    expect(end.stderr + end.stdout).not.toContain('hidden')
  })
})
