import { waitUntil } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { failureOf } from '../support/failure-of.ts'
import { answerOf, asStream, collect, parse } from '../support/messages.ts'
import { startedStdio, StdioCaller, textIn } from '../support/open-stdio.ts'

test('S22: 50 calls at once with the same ids get their own answers', async () => {
  await using transport = await startedStdio({}, { isShared: true })
  const callers = await Promise.all(Array.from({ length: 10 }, () => StdioCaller.open(transport)))
  const calls = callers.flatMap((caller, who) =>
    // Ids that differ only in their type are different ids.
    [1, '1', 2, 'a "quoted" id', 'ä'].map(async (id, what) => {
      const message = `${who}/${what}`
      const answer = await answerOf(await caller.call(id, 'wait', { ms: Math.random() * 50, message }))
      expect(answer).toMatchObject({ id })
      expect(textIn(answer)).toBe(message)
    }),
  )
  expect(calls.length).toBe(50)
  await Promise.all(calls)
  expect(transport.activity).toMatchObject({ calls: 0, sessions: 10 })
})

test('progress goes to the call that asked for it, under its own token, also when tokens are alike', async () => {
  await using transport = await startedStdio()
  const callers = await Promise.all([StdioCaller.open(transport), StdioCaller.open(transport)])
  const streams = await Promise.all(
    callers.map(async (caller, index) =>
      collect(
        asStream(
          await caller.call(5, 'progress', { steps: 3 + index, stepMs: 5 }, { progressToken: 'token' }),
        ).messages,
      ),
    ),
  )
  for (const [index, messages] of streams.entries()) {
    const steps = 3 + index
    expect(messages).toEqual([
      ...Array.from({ length: steps }, (_, step) => ({
        jsonrpc: '2.0',
        method: 'notifications/progress',
        params: { progressToken: 'token', progress: step + 1, total: steps },
      })),
      expect.objectContaining({ id: 5 }),
    ])
  }
})

test('messages are passed on as they are, whatever else they hold', async () => {
  await using transport = await startedStdio()
  const caller = await StdioCaller.open(transport)
  const message = Buffer.from(
    '{ "id" : 9007199254740991 ,"jsonrpc":"2.0","method":"tools/call","vendor":1.0,"params":{"name":"echo","arguments":{"message":"\\u0041 \\ud83d\\ude00 9007199254740993"}}}',
  )
  expect(await answerOf(await caller.send(message))).toMatchObject({
    id: Number.MAX_SAFE_INTEGER,
    result: { content: [{ text: 'A 😀 9007199254740993' }] },
  })
})

describe('cancellation', () => {
  test('a call that its caller gives up is cancelled at the server', async () => {
    await using transport = await startedStdio()
    const caller = await StdioCaller.open(transport)
    const given = new AbortController()
    const call = failureOf(caller.call('x', 'untilCancelled', {}, { signal: given.signal }))
    await waitUntil('the call to be under way', () => transport.activity.calls === 1)
    given.abort()
    expect(await call).toMatchObject({ reason: 'aborted' })
    const { received } = JSON.parse(await caller.textOf('about'))
    expect(received.at(-1)).toMatchObject({ method: 'notifications/cancelled' })
  })

  test('a client cancels by its own id, and only its own call', async () => {
    await using transport = await startedStdio()
    const [one, two] = await Promise.all([StdioCaller.open(transport), StdioCaller.open(transport)])
    const mine = failureOf(one.call(7, 'untilCancelled'))
    const others = two.call(7, 'wait', { ms: 3_000, message: 'not cancelled' })
    await waitUntil('both calls to be under way', () => transport.activity.calls === 2)
    await one.notify('notifications/cancelled', { requestId: 7, reason: 'changed my mind' })
    expect(await mine).toMatchObject({ reason: 'aborted' })
    expect(textIn(await answerOf(await others))).toBe('not cancelled')
    const { received } = JSON.parse(await two.textOf('about'))
    expect(received.filter(({ method }: { method: string }) => method === 'notifications/cancelled')).toEqual(
      [expect.objectContaining({ params: { requestId: expect.any(Number), reason: 'changed my mind' } })],
    )
  })

  test('a stream that is left is cancelled; a cancelled call that is long over is no news', async () => {
    await using transport = await startedStdio()
    const caller = await StdioCaller.open(transport)
    const reply = asStream(await caller.call(1, 'progress', { steps: 1000, stepMs: 5 }, { progressToken: 1 }))
    const events = reply.messages[Symbol.asyncIterator]()
    await events.next()
    await events.return?.()
    await waitUntil('the call to be over', () => transport.activity.calls === 0)
    expect(await caller.notify('notifications/cancelled', { requestId: 1 })).toMatchObject({
      kind: 'accepted',
    })
    const { received } = JSON.parse(await caller.textOf('about'))
    expect(
      received.filter(({ method }: { method: string }) => method === 'notifications/cancelled').length,
    ).toBe(1)
  })
})

describe('sessions', () => {
  test('every initialize gets a session and the answer of the one that reached the server', async () => {
    await using transport = await startedStdio(
      {},
      { client: { capabilities: { roots: {} }, clientInfo: { name: 'first', version: '1' } } },
    )
    const reply = await transport.send({
      message: Buffer.from(
        '{"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"second","version":"1"}}}',
      ),
    })
    expect(reply.sessionId).toMatch(/^[\w-]{20,}$/u)
    expect(parse(reply.kind === 'message' ? reply.message : new Uint8Array())).toMatchObject({
      id: 'init',
      result: { protocolVersion: '2025-06-18', serverInfo: { name: 'stdio-fixture' } },
    })
    const caller = await StdioCaller.open(transport)
    const { initialization } = JSON.parse(await caller.textOf('about'))
    expect(initialization).toMatchObject({
      protocolVersion: '2025-11-25',
      capabilities: { roots: {} },
      clientInfo: { name: 'first' },
    })
  })

  test('the server hears once that its clients are ready', async () => {
    await using transport = await startedStdio()
    const callers = [await StdioCaller.open(transport), await StdioCaller.open(transport)]
    const { received } = JSON.parse((await callers[1]?.textOf('about')) ?? '')
    expect(received).toEqual([{ jsonrpc: '2.0', method: 'notifications/initialized' }])
  })

  test('a session that is not known, or has ended, is refused like one over HTTP, and nothing is executed', async () => {
    await using transport = await startedStdio()
    const caller = await StdioCaller.open(transport)
    const held = failureOf(caller.call(1, 'wait', { ms: 60_000 }))
    await transport.endSession({ sessionId: caller.sessionId })
    expect(await held).toMatchObject({ reason: 'aborted' })
    const reply = await caller.call(2, 'echo', { message: 'x' })
    expect(reply).toMatchObject({ kind: 'refused', status: 404 })
    expect(parse(reply.kind === 'refused' ? reply.body : new Uint8Array())).toMatchObject({
      id: 2,
      error: { code: -32_001 },
    })
    expect(await caller.listen()).toMatchObject({ kind: 'refused', status: 404 })
    expect(transport.activity).toMatchObject({ calls: 0, sessions: 0 })
  })

  test('of too many sessions the one that was used longest ago goes', async () => {
    await using transport = await startedStdio({}, { maxSessions: 2 })
    const [first, second] = [await StdioCaller.open(transport), await StdioCaller.open(transport)]
    await first.textOf('echo', { message: 'in use' })
    await StdioCaller.open(transport)
    expect((await second.call(1, 'echo', { message: '' })).kind).toBe('refused')
    expect(await first.textOf('echo', { message: 'still there' })).toBe('still there')
  })
})

test('F27: a reader that is slow loses progress, never the answer', async () => {
  await using transport = await startedStdio()
  const caller = await StdioCaller.open(transport)
  const reply = asStream(await caller.call(1, 'progress', { steps: 5_000 }, { progressToken: 'p' }))
  await waitUntil('the call to end', () => transport.activity.calls === 0)
  const messages = await collect(reply.messages)
  expect(messages.length).toBeLessThanOrEqual(1_002)
  expect(textIn(messages.at(-1))).toBe('made 5000 steps')
})
