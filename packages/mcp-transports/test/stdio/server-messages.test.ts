import { encodeResult } from '@mreg/mcp-wire'
import { waitUntil } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import type { StdioTransport, UpstreamReply } from '../../src/index.ts'
import { asStream, parse } from '../support/messages.ts'
import { startedStdio, StdioCaller, textIn } from '../support/open-stdio.ts'

const able = { sampling: {}, elicitation: {}, roots: {} }
const startAble = (isShared = false): Promise<StdioTransport> =>
  startedStdio(
    {},
    { isShared, client: { capabilities: isShared ? {} : able, clientInfo: { name: 'test', version: '1' } } },
  )

/** Reads a stream message by message; undefined at its end. */
const reader = (reply: UpstreamReply): (() => Promise<unknown>) => {
  const events = asStream(reply).messages[Symbol.asyncIterator]()
  return async () => {
    const { value, done } = await events.next()
    return done === true ? undefined : parse(value.message)
  }
}

const isQuestion = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && 'method' in message && message.method === 'roots/list'

const idOf = (message: unknown): string =>
  typeof message === 'object' && message !== null && 'id' in message ? String(message.id) : ''

describe('a request of the server', () => {
  test.each(['sampling/createMessage', 'elicitation/create', 'roots/list'])(
    '%s goes to the client whose call is running, and its answer back',
    async (method) => {
      await using transport = await startAble()
      const [asked, other] = [
        await StdioCaller.open(transport, able),
        await StdioCaller.open(transport, able),
      ]
      const next = reader(await asked.call('call', 'ask', { method, params: { some: 'question' } }))
      const question = await next()
      expect(question).toMatchObject({
        method,
        params: { some: 'question' },
        id: expect.stringMatching(/^mreg-/u),
      })
      const id = idOf(question)
      // Another client cannot answer for it, nor can anybody answer something that was not asked.
      await other.send(encodeResult({ id, result: { from: 'the other' } }))
      await asked.send(encodeResult({ id: 'mreg-unknown-1', result: { from: 'nowhere' } }))
      await asked.send(encodeResult({ id, result: { from: 'the asked' } }))
      await asked.send(encodeResult({ id, result: { from: 'the asked, again' } }))
      const answer = await next()
      expect(answer).toMatchObject({ id: 'call' })
      expect(JSON.parse(textIn(answer))).toMatchObject({ result: { from: 'the asked' } })
      expect(await next()).toBeUndefined()
    },
  )

  test('S58 that the client cannot answer is refused for it', async () => {
    await using transport = await startAble()
    const unable = await StdioCaller.open(transport, { roots: {} })
    await StdioCaller.open(transport, able)
    const response = JSON.parse(await unable.textOf('ask', { method: 'elicitation/create' }))
    expect(response).toMatchObject({ error: { code: -32_601 } })
  })

  test('S58 never reaches anybody when principals share the process', async () => {
    await using transport = await startAble(true)
    const caller = await StdioCaller.open(transport, able)
    const response = JSON.parse(await caller.textOf('ask', { method: 'vendor/question' }))
    expect(response).toMatchObject({ error: { code: -32_601 } })
    const { initialization } = JSON.parse(await caller.textOf('about'))
    expect(initialization.capabilities).toEqual({})
  })

  test('ping is answered at once', async () => {
    await using transport = await startAble()
    const caller = await StdioCaller.open(transport)
    expect(JSON.parse(await caller.textOf('ask', { method: 'ping' }))).toMatchObject({ result: {} })
  })

  test('that belongs to no call goes where a client listens, also when it begins to listen only then', async () => {
    await using transport = await startedStdio(
      { askRootsAtStart: true },
      { client: { capabilities: able, clientInfo: { name: 'test', version: '1' } } },
    )
    const caller = await StdioCaller.open(transport, able)
    const next = reader(await caller.listen())
    const question = await next()
    expect(question).toMatchObject({ method: 'roots/list' })
    await caller.send(encodeResult({ id: idOf(question), result: { roots: [] } }))
    await waitUntil('the server to have the roots', async () =>
      (await caller.textOf('about')).includes('{"roots":{"jsonrpc":"2.0","id":0,"result":{"roots":[]}}}'),
    )
  })

  test('whose call is given up is refused, so that the server does not wait', async () => {
    await using transport = await startAble()
    const caller = await StdioCaller.open(transport, able)
    await caller.call(1, 'askLater', { method: 'roots/list', afterMs: 1_000 })
    const reply = asStream(
      await caller.call(2, 'progress', { steps: 1_000, stepMs: 20 }, { progressToken: 1 }),
    )
    const next = reader(reply)
    while (!isQuestion(await next()));
    reply.cancel()
    const refusal = await waitUntil('the server to be answered', async () => {
      const { received } = JSON.parse(await caller.textOf('about'))
      return received.find((message: object) => 'answer' in message)
    })
    expect(refusal).toMatchObject({ answer: { error: { code: -32_603 } } })
  })
})

describe('what the server says unasked', () => {
  test('a change of a list is told to every client that listens, once', async () => {
    await using transport = await startAble()
    const callers = [await StdioCaller.open(transport), await StdioCaller.open(transport)]
    const readers = await Promise.all(callers.map(async (caller) => reader(await caller.listen())))
    const [first] = callers
    await first?.textOf('say', { method: 'notifications/tools/list_changed', afterMs: 10 })
    for (const next of readers)
      expect(await next()).toMatchObject({ method: 'notifications/tools/list_changed' })
    await first?.textOf('say', { method: 'notifications/prompts/list_changed', afterMs: 10 })
    for (const next of readers)
      expect(await next()).toMatchObject({ method: 'notifications/prompts/list_changed' })
  })

  test('a changed resource is told to those who subscribed to it or to one above it', async () => {
    await using transport = await startAble(true)
    const [one, two, three] = [
      await StdioCaller.open(transport),
      await StdioCaller.open(transport),
      await StdioCaller.open(transport),
    ]
    await one.request(1, 'resources/subscribe', { uri: 'file:///a/b' })
    await two.request(1, 'resources/subscribe', { uri: 'file:///a' })
    await three.request(1, 'resources/subscribe', { uri: 'file:///a/bb' })
    const said = { method: 'notifications/resources/updated', params: { uri: 'file:///a/b' }, afterMs: 0 }
    const readers = [reader(await one.listen()), reader(await two.listen())]
    const silent = reader(await three.listen())
    await one.textOf('say', said)
    for (const next of readers) expect(await next()).toMatchObject({ params: { uri: 'file:///a/b' } })
    await one.textOf('say', { method: 'notifications/tools/list_changed', afterMs: 0 })
    expect(await silent()).toMatchObject({ method: 'notifications/tools/list_changed' })
  })

  test('a subscription stays at the server until the last client gives it up', async () => {
    await using transport = await startAble(true)
    const [one, two] = [await StdioCaller.open(transport), await StdioCaller.open(transport)]
    for (const caller of [one, two]) await caller.request(1, 'resources/subscribe', { uri: 'file:///a' })
    const reply = await one.request('mine', 'resources/unsubscribe', { uri: 'file:///a' })
    expect(parse(reply.kind === 'message' ? reply.message : new Uint8Array())).toEqual({
      jsonrpc: '2.0',
      id: 'mine',
      result: {},
    })
    const next = reader(await two.listen())
    await two.textOf('say', {
      method: 'notifications/resources/updated',
      params: { uri: 'file:///a' },
      afterMs: 0,
    })
    expect(await next()).toMatchObject({ method: 'notifications/resources/updated' })
  })

  test('a log message goes to the only call that is running', async () => {
    await using transport = await startAble()
    const caller = await StdioCaller.open(transport)
    const next = reader(
      await caller.call(1, 'say', { method: 'notifications/message', params: { data: 'log' } }),
    )
    expect(await next()).toMatchObject({ method: 'notifications/message', params: { data: 'log' } })
    expect(await next()).toMatchObject({ id: 1 })
  })

  test('a log message is dropped when it could be about another principal', async () => {
    await using transport = await startAble(true)
    const [one, two] = [await StdioCaller.open(transport), await StdioCaller.open(transport)]
    const heard = reader(await one.listen())
    const running = one.call(1, 'wait', { ms: 400 })
    const said = await two.call(1, 'say', { method: 'notifications/message', params: { data: 'secret' } })
    expect(said.kind).toBe('message')
    expect((await running).kind).toBe('message')
    await two.textOf('say', { method: 'notifications/tools/list_changed', afterMs: 0 })
    expect(await heard()).toMatchObject({ method: 'notifications/tools/list_changed' })
  })

  test('a second listener of a session replaces the first', async () => {
    await using transport = await startAble()
    const caller = await StdioCaller.open(transport)
    const first = reader(await caller.listen())
    const ended = first()
    const second = reader(await caller.listen())
    expect(await ended).toBeUndefined()
    expect(transport.activity.listeners).toBe(1)
    await caller.textOf('say', { method: 'notifications/tools/list_changed', afterMs: 0 })
    expect(await second()).toMatchObject({ method: 'notifications/tools/list_changed' })
  })
})
