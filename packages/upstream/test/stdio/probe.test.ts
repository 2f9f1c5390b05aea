import { runningProcesses, stdioServer, waitUntil } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { probeEndpoint, type ProbeOptions } from '../../src/index.ts'
import { Client, openStdio, type OpenStdio } from '../support/open-stdio.ts'

const probe = (open: OpenStdio, more: Partial<ProbeOptions> = {}): ReturnType<typeof probeEndpoint> =>
  probeEndpoint(open.endpoint, { timeoutMs: 20_000, clientInfo: { name: 'probe', version: '1' }, ...more })

/** The server with a word in its command line that no other process has. */
const marked = (
  options: Parameters<typeof stdioServer>[0] = {},
): { mark: string; command: ReturnType<typeof stdioServer> } => {
  const mark = `mark-${crypto.randomUUID()}`
  return { mark, command: stdioServer({ ...options, stderr: [...(options.stderr ?? []), mark] }) }
}

describe('of a server that does not run', () => {
  test.each([
    ['legacy', { era: 'legacy' }],
    ['modern', { era: 'modern' }],
    ['modern', { era: 'dual' }],
    ['legacy', { exitOnDiscover: true }],
  ] as const)('starts it for the question, finds it %s, and leaves nothing', async (era, server) => {
    const { mark, command } = marked(server)
    await using open = openStdio(command)
    expect(await probe(open)).toMatchObject({ status: 'healthy', era, message: undefined })
    await waitUntil('nothing to be left', async () => (await runningProcesses(mark)).length === 0)
    expect(open.state).toMatchObject({ state: 'stopped', processes: 0 })
  })

  test('tells why it does not start, in its own words', async () => {
    await using open = openStdio({
      exitAtStart: 3,
      stderr: ['Usage: server TOKEN', 'error: TOKEN is missing'],
    })
    expect(await probe(open)).toMatchObject({
      status: 'unhealthy',
      era: undefined,
      message:
        'the process ended with exit code 3 before it was ready; its last words: Usage: server TOKEN\nerror: TOKEN is missing',
    })
    expect(open.state).toMatchObject({ state: 'failed', lastErrorLine: 'error: TOKEN is missing' })
  })

  test('tells that the command is missing', async () => {
    await using open = openStdio({ command: 'no-such-command', args: [] })
    expect(await probe(open)).toMatchObject({
      status: 'unhealthy',
      message: 'the command no-such-command was not found',
    })
  })

  test('tells that it is not ready in time', async () => {
    await using open = openStdio({ neverAnswer: true }, { limits: { startMs: 300 } })
    expect(await probe(open)).toMatchObject({
      status: 'unhealthy',
      message: 'the process was not ready within 300 ms',
    })
  })

  test('several at once start it once', async () => {
    const { mark, command } = marked({ startDelayMs: 3_000 })
    await using open = openStdio(command)
    const probes = Promise.all([probe(open), probe(open), probe(open)])
    await waitUntil('it to run', async () => (await runningProcesses(mark)).length === 1)
    expect(await probes).toMatchObject([{ status: 'healthy' }, { status: 'healthy' }, { status: 'healthy' }])
  })

  test('ends at once for somebody who is told to end, whatever is still starting', async () => {
    await using open = openStdio({ startDelayMs: 60_000 })
    const ending = new AbortController()
    const given = probe(open, { signal: ending.signal })
    await waitUntil('it to start', () => open.state?.state === 'starting')
    ending.abort()
    expect(await given).toMatchObject({ status: 'unhealthy', message: 'the request was cancelled' })
    await open.upstreams[Symbol.asyncDispose]()
    expect(await probe(open, { signal: ending.signal })).toMatchObject({ status: 'unhealthy' })
  })

  test('closes a circuit that failed starts have opened', async () => {
    await using open = openStdio({})
    for (let failure = 0; failure < 3; failure += 1) open.endpoint.breaker.record('failure')
    expect(open.endpoint.breaker.state).toBe('open')
    await probe(open)
    expect(open.endpoint.breaker.state).toBe('closed')
  })
})

describe('of a server that runs', () => {
  test.each(['shared', 'principal', 'session'] as const)(
    'asks the process that there is (%s)',
    async (isolation) => {
      const { mark, command } = marked()
      await using open = openStdio(command, { isolation })
      const client = await Client.connect(open.endpoint, 'ann')
      expect(await probe(open)).toMatchObject({ status: 'healthy', era: 'legacy' })
      expect((await runningProcesses(mark)).length).toBe(1)
      expect(await client.call('echo', { message: 'undisturbed' })).toBe('undisturbed')
    },
  )

  test('says when it does not answer because it is busy, and when it does not answer at all', async () => {
    await using open = openStdio()
    const client = await Client.connect(open.endpoint, 'ann')
    await client.call('stopReading')
    expect(await probe(open, { timeoutMs: 200 })).toMatchObject({
      status: 'unhealthy',
      message: 'no answer within 200 ms',
    })
    const held = client.call('echo', {}, 5_000).catch(() => undefined)
    const degraded = await waitUntil('the call to be seen', async () => {
      const found = await probe(open, { timeoutMs: 200 })
      return found.status === 'degraded' && found
    })
    expect(degraded.message).toBe('does not answer a ping while 1 calls are under way')
    await held
  })
})

describe('as a routine', () => {
  test('starts nothing for a server that has worked, and does not run', async () => {
    const { mark, command } = marked()
    await using open = openStdio(command)
    expect(await probe(open, { isRoutine: true })).toMatchObject({ status: 'healthy', era: 'legacy' })
    expect(open.state).toMatchObject({ state: 'stopped' })
    const again = probe(open, { isRoutine: true })
    expect((await runningProcesses(mark)).length).toBe(0)
    expect(await again).toMatchObject({ status: 'healthy', era: 'legacy' })
  })

  test('repeats what is known of one that failed a moment ago, then tries again', async () => {
    await using open = openStdio({ exitAtStart: 1 }, { limits: { restartMs: 60_000, maxRestartMs: 60_000 } })
    const before = await probe(open, { isRoutine: true })
    expect(before.status).toBe('unhealthy')
    // The first failure may be chance: that is found out at once.
    await probe(open, { isRoutine: true })
    const { pid } = process
    const known = await probe(open, { isRoutine: true })
    expect(known).toMatchObject({ status: 'unhealthy', message: before.message })
    expect((await runningProcesses('--exit-at-start')).filter(({ parentPid }) => parentPid === pid)).toEqual(
      [],
    )
  })
})
