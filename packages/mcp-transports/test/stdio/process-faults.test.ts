import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { runningProcesses, waitUntil } from '@mreg/testing'
import { expect, test } from 'vitest'

import type { StdioTransport } from '../../src/index.ts'
import { failureOf } from '../support/failure-of.ts'
import { answerOf, collect } from '../support/messages.ts'
import { startedStdio, StdioCaller, stdioTransport, textIn } from '../support/open-stdio.ts'

/** A word that no other process of the machine has in its command line. */
const unique = (): string => `mark-${crypto.randomUUID()}`

/** Expects that nothing is left of a process that was ended. */
const expectNoOrphans = async (mark: string): Promise<void> => {
  await waitUntil('every process to end', async () => (await runningProcesses(mark)).length === 0, {
    timeoutMs: 10_000,
  })
}

/** What is in use once what is not has been collected. */
const usedBytes = async (): Promise<number> => {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  collectGarbage()
  // What was freed by finalizers is counted only then.
  await new Promise((resolve) => setImmediate(resolve))
  collectGarbage()
  const { arrayBuffers, external, heapUsed } = process.memoryUsage()
  return heapUsed + external + arrayBuffers
}

const callerOf = (transport: StdioTransport): Promise<StdioCaller> => StdioCaller.open(transport)

test('F26: a crash in mid call fails every call under way, and says how the process ended', async () => {
  await using transport = await startedStdio()
  const caller = await callerOf(transport)
  const other = await callerOf(transport)
  const [held, crash] = await Promise.all([
    failureOf(other.call(1, 'wait', { ms: 60_000 })),
    failureOf(caller.call(1, 'crash', { code: 42, stderr: 'out of luck' })),
  ])
  for (const failure of [held, crash]) {
    expect(failure).toMatchObject({ reason: 'process_exited', requestSent: true })
    expect(failure.message).toContain('exit code 42')
    expect(failure.errorLines).toEqual(['out of luck'])
  }
  expect(await transport.exited).toEqual({ code: 42, signal: null, startError: undefined })
  expect(transport.isRunning).toBe(false)
  expect(await failureOf(caller.call(2, 'echo'))).toMatchObject({
    reason: 'process_exited',
    requestSent: false,
  })
})

test('a stream breaks with its process, after what came before', async () => {
  await using transport = await startedStdio()
  const caller = await callerOf(transport)
  const reply = await caller.call(1, 'progress', { steps: 1_000, stepMs: 20 }, { progressToken: 'p' })
  if (reply.kind !== 'stream') throw new Error('expected a stream')
  const first = await reply.messages[Symbol.asyncIterator]().next()
  expect(first.done).toBe(false)
  void caller.call(2, 'kill').catch(() => undefined)
  const failure = await failureOf(collect(reply.messages))
  expect(failure).toMatchObject({ reason: 'process_exited' })
  expect(failure.message).toContain('SIGKILL')
})

test('F26: a command that does not exist, a directory that does not, and a file that is no program, are told apart', async () => {
  const commands = [
    [{ command: 'no-such-command-here', args: [] }, 'the command no-such-command-here was not found'],
    [
      { command: process.execPath, args: [], cwd: '/no/such/directory' },
      'the working directory /no/such/directory does not exist',
    ],
    [{ command: '/etc/passwd', args: [] }, '/etc/passwd is not an executable, or may not be run'],
  ] as const
  for (const [command, message] of commands) {
    await using transport = stdioTransport({}, { command: { ...command, environment: { PATH: '/usr/bin' } } })
    const failure = await failureOf(transport.start())
    expect(failure).toMatchObject({ reason: 'start_failed', requestSent: false, message })
  }
})

test('F26: a process that ends at once tells its exit code and its last words, without colours and secrets', async () => {
  const stderr = ['\u001B[31mError\u001B[0m: no token', 'the token hunter2-hunter2 is wrong']
  await using transport = stdioTransport({ stderr, exitAtStart: 7 }, { secrets: ['hunter2-hunter2'] })
  const failure = await failureOf(transport.start())
  expect(failure.reason).toBe('start_failed')
  expect(failure.message).toBe('the process ended with exit code 7 before it was ready')
  expect(failure.errorLines).toEqual(['Error: no token', 'the token ••• is wrong'])
})

test('F26: a process that never answers is ended when its time to start is over', async () => {
  const mark = unique()
  // A busy machine may take a while until the process has said its words, which are then part of the error.
  for (const startTimeoutMs of [300, 3_000, 20_000]) {
    await using transport = stdioTransport({ neverAnswer: true, stderr: [mark] }, { startTimeoutMs })
    const failure = await failureOf(transport.start())
    expect(failure).toMatchObject({ reason: 'start_timeout', requestSent: false })
    await expectNoOrphans(mark)
    if (failure.errorLines.length === 0) continue
    expect(failure.errorLines).toEqual([mark])
    return
  }
  expect.unreachable('the process never said a word')
})

test('F26: garbage on standard output is ignored and counted', async () => {
  await using transport = await startedStdio({
    stdoutGarbage: ['Listening on stdio…', '', '{"not":"json-rpc"}'],
  })
  const caller = await callerOf(transport)
  const lines = ['{', 'null', '[1,2]', '{"jsonrpc":"2.0","id":99999,"result":{}}', '\u0000\u0001']
  expect(await caller.textOf('garbage', { lines })).toBe('said garbage')
  expect(transport.ignoredLines).toBe(2 + lines.length)
})

test('an answer that is no JSON-RPC message ends its call at once', async () => {
  await using transport = await startedStdio()
  const caller = await callerOf(transport)
  expect(await failureOf(caller.call(1, 'malformed'))).toMatchObject({ reason: 'not_a_message' })
  expect(await caller.textOf('echo', { message: 'still there' })).toBe('still there')
})

test('F26: 100 MB on standard error hold nothing up and are not kept', async () => {
  await using transport = await startedStdio()
  const caller = await callerOf(transport)
  const before = await usedBytes()
  const [flooded, echoed] = await Promise.all([
    caller.call(1, 'flood', { bytes: 100_000_000 }),
    caller.call(2, 'echo', { message: 'meanwhile' }),
  ])
  expect(textIn(await answerOf(flooded))).toBe('flooded')
  expect(textIn(await answerOf(echoed))).toBe('meanwhile')
  await waitUntil('the end of the flood', () => transport.errorLines.at(-1) === 'the last line of the flood')
  expect((await usedBytes()) - before).toBeLessThan(20_000_000)
  expect(transport.errorLines.length).toBeLessThanOrEqual(50)
})

test('a line over the limit fails the call that it answers, and that alone', async () => {
  await using transport = await startedStdio({}, { maxMessageBytes: 100_000 })
  const caller = await callerOf(transport)
  const [large, echoed] = await Promise.all([
    failureOf(caller.call(1, 'large', { bytes: 3_000_000 })),
    caller.call(2, 'echo', { message: 'small' }),
  ])
  expect(large).toMatchObject({
    reason: 'too_large',
    requestSent: true,
    excess: { limitBytes: 100_000, sizeBytes: expect.any(Number) },
  })
  expect(textIn(await answerOf(echoed))).toBe('small')
  expect(textIn(await answerOf(await caller.call(3, 'large', { bytes: 50_000 }))).length).toBe(50_000)
  expect(
    await failureOf(caller.call(4, 'large', { bytes: 50_000 }, { maxMessageBytes: 40_000 })),
  ).toMatchObject({
    reason: 'too_large',
    excess: { limitBytes: 40_000 },
  })
})

test('F26: a process that does not read its input fails the calls that it does not take, within their time', async () => {
  const mark = unique()
  {
    await using transport = await startedStdio(
      { stderr: [mark] },
      { writeTimeoutMs: 200, maxMessageBytes: 4_000_000 },
    )
    const caller = await callerOf(transport)
    expect(await caller.textOf('stopReading')).toBe('stopped reading')
    const message = 'x'.repeat(2_000_000)
    // The first is half in the pipe, and the process may still execute it; the second never reached it.
    const [first, second, third] = await Promise.all([
      failureOf(caller.call(1, 'echo', { message })),
      failureOf(caller.call(2, 'echo', { message: 'behind it' })),
      failureOf(caller.call(3, 'echo', { message: message.repeat(2) })),
    ])
    expect(first).toMatchObject({ reason: 'not_reading', requestSent: true })
    expect(second).toMatchObject({ reason: 'not_reading', requestSent: false })
    expect(third).toMatchObject({ reason: 'queue_full', requestSent: false })
  }
  await expectNoOrphans(mark)
})

test('a call ends with its deadline, and the process is told', async () => {
  await using transport = await startedStdio()
  const caller = await callerOf(transport)
  expect(await failureOf(caller.call('slow', 'untilCancelled', {}, { timeoutMs: 100 }))).toMatchObject({
    reason: 'total_timeout',
    requestSent: true,
  })
  const { received } = JSON.parse(await caller.textOf('about'))
  expect(received.at(-1)).toMatchObject({
    method: 'notifications/cancelled',
    params: { reason: 'total_timeout' },
  })
})

test.each([
  ['a process that ignores TERM', { ignoreTerm: true }],
  ['what it started', { grandchildren: ['plain', 'stubborn'] }],
  ['what it started with its own standard output', { grandchildren: ['inherit', 'stubborn inherit'] }],
  ['what it started in a process group of its own', { grandchildren: ['detached', 'detached stubborn'] }],
])('F26: %s is ended with it', async (_what, server) => {
  const mark = unique()
  // Descendants do not have the mark in their command line; it is in their environment, as the guard's is.
  const transport = await startedStdio({ ...server, stderr: [mark] }, { stopGraceMs: 500 })
  const { pid } = transport
  const descendants = (await runningProcesses('setInterval')).filter(({ parentPid }) => parentPid === pid)
  expect(descendants.length).toBe('grandchildren' in server ? server.grandchildren.length : 0)
  await transport[Symbol.asyncDispose]()
  // What was killed takes a moment to be gone.
  await waitUntil('all of them to be gone', async () =>
    (await runningProcesses('')).every(
      ({ pid: one }) => one !== pid && !descendants.some((other) => other.pid === one),
    ),
  )
})

test('F26: what a process started goes also when the process ends by itself', async () => {
  await using transport = await startedStdio(
    { grandchildren: ['plain', 'detached stubborn', 'inherit'] },
    { stopGraceMs: 500 },
  )
  const caller = await callerOf(transport)
  const { pid } = transport
  const descendants = (await runningProcesses('setInterval')).filter(({ parentPid }) => parentPid === pid)
  expect(descendants.length).toBe(3)
  await failureOf(caller.call(1, 'crash'))
  await waitUntil(
    'the descendants to end',
    async () =>
      (await runningProcesses('setInterval')).every(
        ({ pid: one }) => !descendants.some((other) => other.pid === one),
      ),
    { timeoutMs: 10_000 },
  )
})

test('a transport can be disposed of twice, before it starts, and while it starts', async () => {
  const never = stdioTransport()
  await never[Symbol.asyncDispose]()
  expect(await failureOf(never.start())).toMatchObject({ reason: 'closed' })
  const starting = stdioTransport({ startDelayMs: 60_000 })
  const started = failureOf(starting.start())
  await Promise.all([starting[Symbol.asyncDispose](), starting[Symbol.asyncDispose]()])
  expect(await started).toMatchObject({ reason: 'closed' })
  expect(starting.isRunning).toBe(false)
})
