import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { ProcessLock } from '../src/pglite/process-lock.ts'

let directory: string
let path: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mreg-lock-'))
  path = join(directory, 'lock')
})

afterEach(() => rm(directory, { recursive: true, force: true }))

test('a process that lives keeps its lock', async () => {
  const owner = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' })
  try {
    await writeFile(path, `${owner.pid} \n`)
    await expect(ProcessLock.take(path)).rejects.toThrow(`in use by process ${owner.pid}`)
  } finally {
    owner.kill('SIGKILL')
    await once(owner, 'exit')
  }
  const lock = await ProcessLock.take(path)
  expect(await readFile(path, 'utf8')).toMatch(new RegExp(`^${process.pid} `, 'u'))
  await lock.release()
})

test.runIf(process.platform === 'linux')(
  'a process that was killed has lost its lock, also while its parent has not asked how it ended',
  async () => {
    // The shell becomes a program that never asks.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    try {
      const [said] = await once(parent.stdout, 'data')
      const pid = Number(String(said).trim())
      await writeFile(path, `${pid} \n`)
      await expect(ProcessLock.take(path)).rejects.toThrow(`in use by process ${pid}`)
      process.kill(pid, 'SIGKILL')
      const lock = await untilTaken()
      expect(process.kill(pid, 0)).toBe(true)
      await lock.release()
    } finally {
      parent.kill('SIGKILL')
    }
  },
)

/** A process takes a moment to end. */
const untilTaken = async (): Promise<ProcessLock> => {
  for (const deadline = Date.now() + 10_000; ;) {
    try {
      return await ProcessLock.take(path)
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
