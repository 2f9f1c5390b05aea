import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import {
  type FixtureServer,
  type GatewayProcess,
  removeDataDirectory,
  startFixtureServer,
  startGateway,
} from '@mreg/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'

let parent: string
let dataDirectory: string
let fixture: FixtureServer
let gateway: GatewayProcess

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'mreg-e2e-'))
  dataDirectory = join(parent, 'data')
  fixture = await startFixtureServer()
})

afterAll(async () => {
  await gateway?.kill()
  await fixture?.stop()
  await removeDataDirectory(parent)
})

const restart = async (): Promise<Administrator> => {
  gateway = await startGateway({ dataDirectory, readyTimeoutMs: 120_000 })
  return new Administrator(gateway)
}

test(
  'a gateway whose database is damaged starts with the last dump, says so, and keeps the files',
  { timeout: 300_000 },
  async () => {
    const administrator = await restart()
    expect((await administrator.register('kept', fixture.url)).status).toBe(201)
    await gateway.terminate()
    const database = join(dataDirectory, 'database')
    const dumps = join(database, 'dumps')
    await mkdir(dumps, { recursive: true })
    // A slow machine may have made one by itself: this one is newer.
    const dump = join(dumps, '2999-11-22T10-00-00.000Z-daily.tar.gz')
    await promisify(execFile)('tar', ['--format=ustar', '-czf', dump, '-C', join(database, 'cluster'), '.'])
    const again = await restart()
    expect((await again.register('later', fixture.url)).status).toBe(201)
    expect(await again.slugs()).toEqual(['kept', 'later'])
    await gateway.kill()
    await truncate(join(database, 'cluster', 'global', 'pg_control'), 100)

    const restored = await restart()

    expect(await restored.slugs()).toEqual(['kept'])
    expect(gateway.stderr).toContain('the embedded database could not be read')
    expect(gateway.stderr).toContain('restored as of 2999-11-22T10:00:00.000Z')
    const aside = (await readdir(dataDirectory)).filter((name) => name.startsWith('database.unreadable-'))
    expect(aside).toHaveLength(1)
    expect(await readdir(join(dataDirectory, aside[0] ?? '', 'global'))).toContain('pg_control')
  },
)
