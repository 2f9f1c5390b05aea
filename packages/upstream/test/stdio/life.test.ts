import { isProcessRunning, waitUntil } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { callOf, failureOf, initialize } from '../support/messages.ts'
import { Client, openStdio } from '../support/open-stdio.ts'

test('nothing runs before somebody needs it, nor after the end', async () => {
  const open = openStdio()
  expect(open.state).toEqual({ state: 'stopped', processes: 0, lastErrorLine: undefined })
  const clients = await Promise.all(['ann', 'bob'].map((who) => Client.connect(open.endpoint, who)))
  const pids = await Promise.all(clients.map((client) => client.pid()))
  const held = failureOf(clients[0]?.call('wait', { ms: 60_000 }) ?? Promise.resolve())
  await new Promise((resolve) => setTimeout(resolve, 100))
  await open[Symbol.asyncDispose]()
  expect(await held).toMatchObject({ reason: 'closed' })
  for (const pid of pids) expect(await isProcessRunning(pid)).toBe(false)
})

describe('a crash (F26)', () => {
  test('fails its call, and the next one finds a new process and a new session', async () => {
    await using open = openStdio()
    const client = await Client.connect(open.endpoint, 'ann')
    const before = await client.pid()
    expect(await failureOf(client.call('crash', { stderr: 'oh no' }))).toMatchObject({
      reason: 'process_exited',
      requestSent: true,
    })
    await waitUntil('it to be known', () => open.state?.state === 'failed')
    expect(open.state).toEqual({ state: 'failed', processes: 0, lastErrorLine: 'oh no' })
    expect(await client.pid()).not.toBe(before)
    expect(open.state?.state).toBe('running')
  })

  test('again and again delays the next start, longer each time', async () => {
    await using open = openStdio({}, { limits: { restartMs: 1_500, maxRestartMs: 60_000 } })
    const client = await Client.connect(open.endpoint, 'ann')
    await failureOf(client.call('crash'))
    await failureOf(client.call('crash'))
    const refused = await failureOf(client.call('echo', { message: 'x' }))
    expect(refused).toMatchObject({ reason: 'restart_pending', requestSent: false })
    expect(refused.retryAfterMs).toBeGreaterThan(0)
    expect(refused.retryAfterMs).toBeLessThanOrEqual(1_800)
    await waitUntil(
      'the next start',
      async () => (await failureOf(client.call('crash'))).reason === 'process_exited',
    )
    const later = await failureOf(client.call('echo', { message: 'x' }))
    expect(later.reason).toBe('restart_pending')
    expect(later.retryAfterMs).toBeGreaterThan(1_800)
    // Between the crashes the server did what it should; that is not what opens a circuit.
    expect(open.endpoint.breaker.state).toBe('closed')
  })

  test('that nobody waited for counts as well', async () => {
    await using open = openStdio({}, { breaker: { failureThreshold: 1, openMs: 60_000, maxOpenMs: 60_000 } })
    const client = await Client.connect(open.endpoint, 'ann')
    process.kill(await client.pid(), 'SIGKILL')
    await waitUntil('the circuit to open', () => open.endpoint.breaker.state === 'open')
    expect(open.state?.state).toBe('failed')
  })
})

describe('a start', () => {
  test('that fails is told with its reason, counts, and is tried again later', async () => {
    await using open = openStdio(
      { exitAtStart: 1, stderr: ['no token'] },
      { limits: { restartMs: 1_500, maxRestartMs: 1_500 } },
    )
    for (let start = 0; start < 2; start += 1) {
      expect(await failureOf(Client.connect(open.endpoint, 'ann'))).toMatchObject({
        reason: 'start_failed',
        requestSent: false,
      })
    }
    expect(open.state).toEqual({ state: 'failed', processes: 0, lastErrorLine: 'no token' })
    expect(await failureOf(Client.connect(open.endpoint, 'ann'))).toMatchObject({ reason: 'restart_pending' })
    await waitUntil(
      'the next start',
      async () => (await failureOf(Client.connect(open.endpoint, 'ann'))).reason === 'start_failed',
    )
    expect(open.endpoint.breaker.state).toBe('open')
  })

  test('goes on when its client does not wait, and the next one finds it ready', async () => {
    await using open = openStdio({ startDelayMs: 3_000, stderr: ['downloading…'] }, { isolation: 'session' })
    const impatient = await failureOf(
      open.endpoint.send({ ...initialize, principalId: 'ann', timeoutMs: 100 }),
    )
    expect(impatient).toMatchObject({ reason: 'starting', requestSent: false })
    expect(impatient.retryAfterMs).toBeGreaterThan(0)
    await waitUntil('the last words', () => open.state?.lastErrorLine === 'downloading…')
    expect(open.state).toMatchObject({ state: 'starting', processes: 1 })
    await Client.connect(open.endpoint, 'ann')
    expect(open.state).toMatchObject({ state: 'running', processes: 1 })
    expect(open.endpoint.breaker.state).toBe('closed')
  })

  test('that everybody needs is made once', async () => {
    await using open = openStdio({ startDelayMs: 200 }, { isolation: 'shared' })
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => Client.connect(open.endpoint, `principal ${index}`)),
    )
    expect(open.state?.processes).toBe(1)
  })

  test('whose environment cannot be had does not happen', async () => {
    await using open = openStdio(
      {},
      {
        credentials: {
          headersFor: () => [],
          environmentFor: () => {
            throw new Error('sealed with another key')
          },
        },
      },
    )
    expect(await failureOf(Client.connect(open.endpoint, 'ann'))).toMatchObject({
      reason: 'credentials_unavailable',
    })
    expect(open.state).toMatchObject({ processes: 0 })
  })
})

test('a process has the environment of its endpoint, and does not show it in its last words', async () => {
  await using open = openStdio(
    {},
    {
      credentials: { headersFor: () => [], environmentFor: () => ({ TOKEN: 'canary-of-the-vault' }) },
    },
  )
  const client = await Client.connect(open.endpoint, 'ann')
  expect(await client.call('environment')).toContain('canary-of-the-vault')
  await failureOf(client.call('crash', { stderr: 'refused: canary-of-the-vault' }))
  await waitUntil('the crash to be known', () => open.state?.state === 'failed')
  expect(open.state?.lastErrorLine).toBe('refused: •••')
})

describe('room', () => {
  test('is made by ending the process that was idle longest', async () => {
    await using open = openStdio({}, { limits: { maxProcessesPerServer: 2 } })
    const ann = await Client.connect(open.endpoint, 'ann')
    const pid = await ann.pid()
    const bob = await Client.connect(open.endpoint, 'bob')
    await bob.pid()
    // Who has been used only just now is not idle.
    await new Promise((resolve) => setTimeout(resolve, 200))
    await Client.connect(open.endpoint, 'cleo')
    await waitUntil('the process of ann to end', async () => !(await isProcessRunning(pid)))
    expect(open.state?.processes).toBe(2)
    // She comes back, and nothing is lost but what the process remembered.
    expect(await ann.pid()).not.toBe(pid)
  })

  test('is not made at the expense of who is busy or listens', async () => {
    await using open = openStdio({}, { limits: { maxProcesses: 2 } })
    const ann = await Client.connect(open.endpoint, 'ann')
    const bob = await Client.connect(open.endpoint, 'bob')
    const listening = await bob.session.listen(callOf(''))
    expect(listening.kind).toBe('stream')
    const busy = ann.call('wait', { ms: 3_000, message: 'done' })
    // Asked and answered behind it: the call is under way.
    await ann.call('echo', { message: 'x' })
    const refused = await failureOf(Client.connect(open.endpoint, 'cleo'))
    expect(refused).toMatchObject({ reason: 'too_many_processes', requestSent: false })
    expect(await busy).toBe('done')
    // Who has been used only just now is not idle.
    await waitUntil('room for another', () =>
      Client.connect(open.endpoint, 'cleo').then(
        () => true,
        () => false,
      ),
    )
  })
})

test('a process that nobody uses is ended, one that somebody uses or listens to is not', async () => {
  await using open = openStdio({}, { limits: { idleMs: 2_000 } })
  const [idle, busy, listener] = await Promise.all([
    Client.connect(open.endpoint, 'idle'),
    Client.connect(open.endpoint, 'busy'),
    Client.connect(open.endpoint, 'listener'),
  ])
  const pids = await Promise.all([idle, busy, listener].map((client) => client.pid()))
  const stream = await listener.session.listen(callOf(''))
  const result = busy.call('wait', { ms: 6_000, message: 'done' })
  await waitUntil('the idle process to end', async () => !(await isProcessRunning(pids[0] ?? 0)))
  expect(await result).toBe('done')
  expect(await listener.pid()).toBe(pids[2])
  expect(open.state?.processes).toBe(2)
  if (stream.kind === 'stream') stream.cancel()
  await waitUntil('the others to end', () => open.state?.processes === 0)
  expect(open.state?.state).toBe('stopped')
  expect(await idle.call('echo', { message: 'again' })).toBe('again')
})

describe('a change of the server', () => {
  test('that is not about its command keeps the processes', async () => {
    await using open = openStdio()
    const client = await Client.connect(open.endpoint, 'ann')
    const pid = await client.pid()
    const renamed = open.upstreams.endpoint({ ...open.target, revision: 2 })
    expect(renamed).not.toBe(open.endpoint)
    const sessionId = client.session.opened?.sessionId
    expect(await renamed.send(callOf('about', {}, { sessionId, principalId: 'ann' }))).toMatchObject({
      kind: 'message',
    })
    expect(await isProcessRunning(pid)).toBe(true)
  })

  test('that is, lets calls end before the processes do', async () => {
    await using open = openStdio()
    const client = await Client.connect(open.endpoint, 'ann')
    const pid = await client.pid()
    const call = client.call('wait', { ms: 800, message: 'to the end' })
    const next = open.upstreams.endpoint({ ...open.target, revision: 2, isolation: 'shared' })
    const other = await Client.connect(next, 'ann')
    expect(await other.pid()).not.toBe(pid)
    expect(await call).toBe('to the end')
    await waitUntil('the former process to end', async () => !(await isProcessRunning(pid)))
  })

  test('its removal ends the processes', async () => {
    await using open = openStdio()
    const client = await Client.connect(open.endpoint, 'ann')
    const pid = await client.pid()
    open.upstreams.retire(open.target.endpoint.id)
    await waitUntil('the process to end', async () => !(await isProcessRunning(pid)))
    expect(open.state).toBeUndefined()
  })
})

test('where no processes are started, a command is not supported', () => {
  expect(() => openStdio({}, { stdio: undefined })).toThrow(/stdio cannot be used/u)
})
