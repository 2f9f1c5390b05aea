import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { ConfigurationError } from '@mreg/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { type GatewayKeys, loadKeys } from '../src/index.ts'

const faultOf = async (work: Promise<unknown>): Promise<ConfigurationError> => {
  try {
    await work
  } catch (error) {
    if (ConfigurationError.is(error)) return error
    throw error
  }
  throw new Error('expected a ConfigurationError')
}

describe('the key files', () => {
  let dataDirectory = ''
  const load = (given: Partial<Parameters<typeof loadKeys>[0]> = {}): Promise<GatewayKeys> =>
    loadKeys({ dataDirectory, adminKey: undefined, secretKeys: undefined, ...given })
  const write = (name: string, content: string): Promise<void> =>
    writeFile(join(dataDirectory, name), content)

  beforeEach(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), 'mreg-keys-'))
  })
  afterEach(() => rm(dataDirectory, { recursive: true }))

  it('are made at the first start, 256 random bits each, for their owner only, and nothing else is left', async () => {
    const { adminKey, secretKeys } = await load()

    expect(adminKey).toMatch(/^mreg_admin_[\w-]{43}$/u)
    expect(secretKeys).toEqual([expect.stringMatching(/^[\w-]{43}$/u)])
    expect(await readdir(dataDirectory)).toEqual(['admin.key', 'secret.key'])
    for (const name of ['admin.key', 'secret.key']) {
      expect((await stat(join(dataDirectory, name))).mode & 0o777).toBe(0o600)
    }
    expect((await readFile(join(dataDirectory, 'admin.key'), 'utf8')).trim()).toBe(adminKey)
  })

  it('are used again at the next start', async () => {
    const first = await load()
    expect(await load()).toEqual(first)
  })

  it('are neither read nor made when the settings hold the keys', async () => {
    await write('admin.key', 'not this one')
    const keys = await load({ adminKey: 'given', secretKeys: ['newest', 'older'] })
    expect(keys).toEqual({ adminKey: 'given', secretKeys: ['newest', 'older'] })
    expect(await readdir(dataDirectory)).toEqual(['admin.key'])
  })

  it('may hold several secret keys, newest first, separated by commas or blanks', async () => {
    await write('secret.key', '\n newest,older\n\toldest,,\n')
    expect((await load()).secretKeys).toEqual(['newest', 'older', 'oldest'])
  })

  it('are the same for processes that start at the same time', { timeout: 60_000 }, async () => {
    const script = fileURLToPath(new URL('support/print-keys.ts', import.meta.url))
    const start = promisify(execFile)
    const outputs = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const { stdout } = await start(process.execPath, ['--conditions=@mreg/source', script, dataDirectory])
        return stdout
      }),
    )
    expect(new Set(outputs).size).toBe(1)
    expect(JSON.parse(outputs[0] ?? '')).toEqual(await load())
    expect(await readdir(dataDirectory)).toEqual(['admin.key', 'secret.key'])
  })

  it('are the same for many who ask at once in one process', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => load()))
    expect(new Set(all.map((keys) => JSON.stringify(keys))).size).toBe(1)
  })

  it('are an error when one is empty, and it is left as it is', async () => {
    await write('secret.key', ' \n')
    const fault = await faultOf(load())
    expect(fault.code).toBe('key_file_empty')
    expect(fault.message).toContain('secret.key')
    expect(await readFile(join(dataDirectory, 'secret.key'), 'utf8')).toBe(' \n')
  })

  it('are an error when one cannot be read', async () => {
    await mkdir(join(dataDirectory, 'admin.key'))
    const fault = await faultOf(load())
    expect(fault.code).toBe('key_file_unreadable')
    expect(fault.message).toContain('admin.key')
  })

  it('are an error when the directory is not there', async () => {
    const fault = await faultOf(load({ dataDirectory: join(dataDirectory, 'missing') }))
    expect(fault.code).toBe('key_file_unwritable')
    expect(fault.message).toContain('missing')
  })
})
