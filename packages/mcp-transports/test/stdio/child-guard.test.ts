import { fileURLToPath } from 'node:url'

import { descendantsOf, ManagedProcess, runningProcesses, waitUntil } from '@mreg/testing'
import { expect, test } from 'vitest'

import { ChildGuard } from '../../src/index.ts'
import { startedStdio } from '../support/open-stdio.ts'

const owner = fileURLToPath(new URL('../support/stdio-owner-main.ts', import.meta.url))

test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
  'F26: nothing outlives an owner that ends by %s',
  { timeout: 90_000 },
  async (signal) => {
    await using parent = new ManagedProcess({
      command: process.execPath,
      arguments: ['--no-warnings', '--conditions=@mreg/source', owner],
    })
    await waitUntil('the children to run', () => parent.stdout.includes('ready') || !parent.isRunning, {
      timeoutMs: 60_000,
    })
    const descendants = (await descendantsOf(parent.pid ?? 0)).map(({ pid }) => pid)
    // Three servers, of which one has two descendants and one ignores TERM, and the watcher.
    expect(descendants.length).toBe(6)
    parent.signal(signal)
    await parent.exited
    const startedAt = performance.now()
    await waitUntil(
      'every descendant to end',
      async () => (await runningProcesses('')).every(({ pid }) => !descendants.includes(pid)),
      { timeoutMs: 15_000, intervalMs: 50 },
    )
    process.stdout.write(`nothing left ${Math.round(performance.now() - startedAt)} ms after ${signal}\n`)
  },
)

/** The watchers of this process. */
const watchers = async (): Promise<readonly number[]> =>
  (await runningProcesses('mcp-child-guard'))
    .filter(({ parentPid }) => parentPid === process.pid)
    .map(({ pid }) => pid)

test('a watcher that is ended is replaced', async () => {
  await using guard = new ChildGuard()
  await using transport = await startedStdio({}, { guard })
  const [first = 0] = await watchers()
  expect(first).toBeGreaterThan(0)
  process.kill(first, 'SIGKILL')
  await waitUntil('another watcher', async () => (await watchers()).some((pid) => pid !== first))
  expect(transport.isRunning).toBe(true)
})

test('a guard that is disposed of leaves no watcher', async () => {
  const guard = new ChildGuard()
  const transport = await startedStdio({}, { guard })
  await transport[Symbol.asyncDispose]()
  await guard[Symbol.asyncDispose]()
  await guard[Symbol.asyncDispose]()
  expect(await watchers()).toEqual([])
})
