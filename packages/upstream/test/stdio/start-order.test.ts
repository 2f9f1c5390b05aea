import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { stdioServer } from '@mreg/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { fetchedPackage, looksLikeCacheRace } from '../../src/stdio/package-runner.ts'
import { RestartBackoff } from '../../src/stdio/restart-backoff.ts'
import { StartGate } from '../../src/stdio/start-gate.ts'
import { failureOf } from '../support/messages.ts'
import { Client, openStdio, type OpenStdio } from '../support/open-stdio.ts'

test.each([
  ['npx', ['-y', '@scope/server@1.2.3', '/tmp'], 'npx @scope/server'],
  ['/usr/local/bin/npx', ['server', '--flag'], 'npx server'],
  ['C:\\Program Files\\nodejs\\npx.cmd', ['-y', 'server'], 'npx server'],
  ['npx', ['-y', '--package=server@2', 'bin'], 'npx server'],
  ['npx', ['-p', 'server', 'bin'], 'npx server'],
  ['npm', ['exec', '--', 'server'], 'npm exec server'],
  ['uvx', ['--from', 'package', 'tool'], 'uvx package'],
  ['uv', ['tool', 'run', 'tool@latest'], 'uv tool run tool'],
  ['bunx', ['server'], 'bunx server'],
  ['docker', ['run', '-i', '--rm', 'mcp/server'], 'docker run -i --rm mcp/server'],
  ['node', ['server.js'], undefined],
  ['npm', ['start'], undefined],
  ['uv', ['pip', 'install'], undefined],
  ['docker', ['exec', 'x'], undefined],
  ['my-npx', ['server'], undefined],
])('what %s %j fetches is %s', (command, args, name) => {
  expect(fetchedPackage(command, args)).toBe(name)
})

test('a race in a package cache is told from other failures', () => {
  for (const line of [
    'npm error code ENOTEMPTY',
    'npm ERR! code EEXIST',
    "npm error enoent ENOENT: no such file or directory, rename '/home/me/.npm/_npx/15c61037b1978c83/node_modules/x'",
    'npm error could not determine executable to run',
    "Error: Cannot find module '/home/me/.npm/_npx/15c61037b1978c83/node_modules/x/dist/index.js'",
    'sh: 1: mcp-server-filesystem: not found',
    'error: failed to hardlink file',
    'Caused by: File exists (os error 17)',
  ]) {
    expect({ line, isRace: looksLikeCacheRace(['before', line, 'after']) }).toEqual({ line, isRace: true })
  }
  for (const line of [
    'npm error code E404',
    'Error: TOKEN is missing',
    'getaddrinfo ENOTFOUND registry',
    '',
  ]) {
    expect({ line, isRace: looksLikeCacheRace([line]) }).toEqual({ line, isRace: false })
  }
})

interface Starts {
  readonly running: ReadonlySet<string>
  readonly end: (id: string) => Promise<void>
  readonly begin: (id: string, name: string | undefined) => Promise<void>
}

/** Starts that tell when they run, and end when they are told. */
const starts = (gate: StartGate): Starts => {
  const running = new Set<string>()
  const ends = new Map<string, () => void>()
  return {
    running,
    end: async (id: string): Promise<void> => {
      ends.get(id)?.()
      await new Promise((resolve) => setImmediate(resolve))
    },
    begin: async (id: string, name: string | undefined): Promise<void> => {
      void gate.run(name, async () => {
        running.add(id)
        await new Promise<void>((resolve) => {
          ends.set(id, resolve)
        })
        running.delete(id)
      })
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

describe('the gate', () => {
  test('lets so many start at once, and of one package one after the other', async () => {
    const { begin, end, running } = starts(new StartGate(2))
    await begin('a1', 'a')
    await begin('a2', 'a')
    await begin('b1', 'b')
    await begin('c1', 'c')
    expect([...running]).toEqual(['a1', 'b1'])
    await end('a1')
    expect([...running].toSorted()).toEqual(['b1', 'c1'])
    await end('b1')
    expect([...running].toSorted()).toEqual(['a2', 'c1'])
    await end('a2')
    await end('c1')
    expect(running.size).toBe(0)
  })

  test('does not hold up what fetches nothing, and goes on after a failure', async () => {
    const gate = new StartGate(1)
    const { begin, running } = starts(gate)
    await expect(gate.run('a', () => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
    await begin('a', 'a')
    await begin('plain', undefined)
    expect([...running]).toEqual(['a', 'plain'])
  })
})

test('after the first failure a start may follow at once, then after longer and longer waits', () => {
  let nowMs = 0
  const backoff = new RestartBackoff({
    restartMs: 1_000,
    maxRestartMs: 5_000,
    now: () => nowMs,
    random: () => 0,
  })
  const waits = Array.from({ length: 6 }, () => {
    backoff.failed()
    return backoff.remainingMs
  })
  expect(waits).toEqual([0, 1_000, 2_000, 4_000, 5_000, 5_000])
  nowMs = 4_999
  expect(backoff.remainingMs).toBe(1)
  nowMs = 5_000
  expect(backoff.remainingMs).toBe(0)
  backoff.reset()
  backoff.failed()
  expect(backoff.remainingMs).toBe(0)
})

const openNpx = (
  path: string,
  args: readonly string[] = ['-y', 'server'],
  options: Parameters<typeof openStdio>[1] = {},
): OpenStdio => openStdio({ command: path, args }, options)

describe('npx', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mreg-npx-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  /** A program named npx that does what `script` says before it becomes the scripted server. */
  const fakeNpx = async (script: string): Promise<string> => {
    const { args, command } = stdioServer()
    const path = join(directory, 'npx')
    const run = [command, ...args].map((word) => `'${word}'`).join(' ')
    await writeFile(path, `#!/bin/sh\necho start >> '${directory}/log'\n${script}\nexec ${run}\n`)
    await chmod(path, 0o755)
    return path
  }
  const log = async (): Promise<string[]> =>
    (await readFile(join(directory, 'log'), 'utf8')).trim().split('\n')
  test('that met another one in its cache is started a second time, and a second failure is one', async () => {
    const race = `[ -e '${directory}/raced' ] || { touch '${directory}/raced'; echo 'npm error code ENOTEMPTY' >&2; exit 190; }`
    await using open = openNpx(await fakeNpx(race))
    const client = await Client.connect(open.endpoint, 'ann')
    expect(await client.call('echo', { message: 'after all' })).toBe('after all')
    expect(await log()).toEqual(['start', 'start'])

    await using broken = openNpx(await fakeNpx('echo "npm error code ENOTEMPTY" >&2; exit 190'), [
      '-y',
      'other',
    ])
    expect(await failureOf(Client.connect(broken.endpoint, 'ann'))).toMatchObject({ reason: 'start_failed' })
    expect((await log()).length).toBe(4)
  })

  test('that fails for another reason is not', async () => {
    await using open = openNpx(await fakeNpx('echo "npm error code E404" >&2; exit 1'))
    expect(await failureOf(Client.connect(open.endpoint, 'ann'))).toMatchObject({ reason: 'start_failed' })
    expect(await log()).toEqual(['start'])
  })

  test('has longer to start than a program that is there already', async () => {
    const limits = { startMs: 200, packageStartMs: 30_000 }
    await using open = openNpx(await fakeNpx('sleep 1'), ['-y', 'server'], { limits })
    expect((await Client.connect(open.endpoint, 'ann')).session.opened).toBeDefined()
  })

  test('of one package runs one at a time, though principals do not share it', async () => {
    const alone = `mkdir '${directory}/lock' || { echo overlap >> '${directory}/log'; }; sleep 0.3; rmdir '${directory}/lock'`
    await using open = openNpx(await fakeNpx(alone))
    await Promise.all(['ann', 'bob', 'cleo'].map((who) => Client.connect(open.endpoint, who)))
    expect(await log()).toEqual(['start', 'start', 'start'])
  })
})
