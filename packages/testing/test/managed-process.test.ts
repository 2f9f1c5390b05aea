import { execFile } from 'node:child_process'
import { mkdtemp, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

import { ManagedProcess } from '../src/processes/managed-process.ts'
import { waitUntil } from '../src/processes/wait-until.ts'

const node = (script: string, ...more: string[]): ManagedProcess =>
  new ManagedProcess({ command: process.execPath, arguments: ['-e', script, ...more] })

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('both outputs and the exit code of a child are collected', async () => {
  const child = node('console.log("said"); console.error("warned"); process.exitCode = 3')
  expect(await child.exited).toEqual({ code: 3, signal: null })
  expect(child.stdout).toBe('said\n')
  expect(child.stderr).toBe('warned\n')
  expect(child.isRunning).toBe(false)
})

test('a child does not see the environment of its parent', async () => {
  process.env['MREG_TEST_SECRET_OF_THE_PARENT'] = 'x'
  const child = node('console.log(Object.keys(process.env).sort().join())')
  await child.exited
  expect(child.stdout.trim()).toBe('HOME,PATH')
})

test('a child that ignores the signal to stop is killed when its time is up', async () => {
  const child = node('process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up")')
  await waitUntil('the child to be up', () => child.stdout.includes('up'))
  expect(await child.stop('SIGTERM', 100)).toEqual({ code: null, signal: 'SIGKILL' })
})

test('stopping a child that has ended returns how it ended', async () => {
  const child = node('process.exit(7)')
  await child.exited
  expect(await child.stop()).toEqual({ code: 7, signal: null })
})

test('a program that does not exist ends at once and says so', async () => {
  const child = new ManagedProcess({ command: '/nowhere/program' })
  expect(await child.exited).toEqual({ code: null, signal: null })
  expect(child.stderr).toContain('ENOENT')
  expect(child.isRunning).toBe(false)
})

test('when the parent is killed with SIGKILL, its children end and its temporary directories go', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mreg-test-orphan-'))
  const source = fileURLToPath(new URL('../src/', import.meta.url))
  const parentScript = `
    import { writeFileSync } from 'node:fs'
    const { ManagedProcess } = await import(${JSON.stringify(`${source}processes/managed-process.ts`)})
    const { guardDirectory } = await import(${JSON.stringify(`${source}processes/orphan-guard.ts`)})
    guardDirectory(${JSON.stringify(directory)})
    const child = new ManagedProcess({ command: process.execPath, arguments: ['-e', 'setInterval(() => {}, 1000)'] })
    writeFileSync(${JSON.stringify(join(directory, 'pid'))}, String(child.pid))
    setInterval(() => {}, 1000)`
  const parent = execFile(process.execPath, ['--no-warnings', '--input-type=module', '-e', parentScript])
  const pid = await waitUntil('the grandchild to start', async () => {
    const text = await readFile(join(directory, 'pid'), 'utf8').catch(() => '')
    return text !== '' && Number(text)
  })
  expect(isAlive(pid)).toBe(true)

  parent.kill('SIGKILL')

  await waitUntil('the grandchild to end', () => !isAlive(pid))
  await waitUntil('the directory to go', () =>
    stat(directory).then(
      () => false,
      () => true,
    ),
  )
})

test('waiting in vain ends at the deadline and says for what', async () => {
  await expect(
    waitUntil('the sky to fall', () => undefined, { timeoutMs: 30, intervalMs: 5 }),
  ).rejects.toThrow('waited 30 ms in vain for: the sky to fall')
})
