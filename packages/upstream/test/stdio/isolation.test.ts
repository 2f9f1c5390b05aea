import { encodeRequest, META } from '@mreg/mcp-wire'
import { isProcessRunning, waitUntil } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { type EndpointRequest, readResponse } from '../../src/index.ts'
import { callOf, failureOf } from '../support/messages.ts'
import { Client, openStdio } from '../support/open-stdio.ts'

describe('without a setting', () => {
  test('two principals never share a process, and the clients of one do', async () => {
    await using open = openStdio()
    const clients = await Promise.all(['ann', 'bob', 'ann'].map((who) => Client.connect(open.endpoint, who)))
    const pids = await Promise.all(clients.map((client) => client.pid()))
    expect(pids[0]).toBe(pids[2])
    expect(pids[0]).not.toBe(pids[1])
    expect(open.state).toMatchObject({ state: 'running', processes: 2 })
  })

  test('clients of one principal that are able to different things do not share a process either', async () => {
    await using open = openStdio()
    const able = { elicitation: {}, roots: { listChanged: true } }
    const clients = await Promise.all(
      [{}, able, { roots: { listChanged: true }, elicitation: {} }].map((abilities) =>
        Client.connect(open.endpoint, 'ann', abilities),
      ),
    )
    const abouts = await Promise.all(clients.map((client) => client.about()))
    expect(abouts[0]?.pid).not.toBe(abouts[1]?.pid)
    expect(abouts[1]?.pid).toBe(abouts[2]?.pid)
    expect(abouts[0]?.initialization.capabilities).toEqual({})
    expect(abouts[1]?.initialization.capabilities).toEqual(able)
  })

  test('a session opens for nobody but its principal', async () => {
    await using open = openStdio()
    const ann = await Client.connect(open.endpoint, 'ann')
    const sessionId = ann.session.opened?.sessionId
    const reply = await open.endpoint.send(callOf('about', {}, { sessionId, principalId: 'bob' }))
    expect(reply).toMatchObject({ kind: 'refused', status: 404 })
    expect(await open.endpoint.listen({ ...callOf('about'), sessionId, principalId: 'bob' })).toMatchObject({
      kind: 'refused',
      status: 404,
    })
    await open.endpoint.endSession(sessionId ?? '', '2025-11-25', undefined, 'bob')
    expect(await ann.call('echo', { message: 'still mine' })).toBe('still mine')
  })
})

test('with the isolation session every session has a process of its own, which ends with it', async () => {
  await using open = openStdio({}, { isolation: 'session' })
  const clients = await Promise.all(['ann', 'ann', 'bob'].map((who) => Client.connect(open.endpoint, who)))
  const pids = await Promise.all(clients.map((client) => client.pid()))
  expect(new Set(pids).size).toBe(3)
  await clients[0]?.end()
  await waitUntil('its process to end', async () => !(await isProcessRunning(pids[0] ?? 0)))
  expect(open.state?.processes).toBe(2)
  expect(await clients[1]?.pid()).toBe(pids[1])
})

test('shared, all have one process, which is told of no ability and asks nobody', async () => {
  await using open = openStdio({}, { isolation: 'shared' })
  const able = { elicitation: {}, sampling: {}, roots: {} }
  const clients = await Promise.all(
    ['ann', 'bob', 'cleo'].map((who) => Client.connect(open.endpoint, who, able)),
  )
  const abouts = await Promise.all(clients.map((client) => client.about()))
  expect(new Set(abouts.map(({ pid }) => pid)).size).toBe(1)
  expect(abouts[0]?.initialization).toMatchObject({ capabilities: {}, clientInfo: { name: 'mreg' } })
  expect(await clients[0]?.call('ask', { method: 'elicitation/create' })).toContain('-32601')
})

test('S22: 50 calls at once with equal ids over one shared process, and nobody gets the answer of another', async () => {
  await using open = openStdio({}, { isolation: 'shared' })
  const clients = await Promise.all(
    Array.from({ length: 50 }, (_, index) => Client.connect(open.endpoint, `principal ${index}`)),
  )
  const answers = await Promise.all(
    clients.map((client, index) => client.call('wait', { ms: Math.random() * 100, message: `for ${index}` })),
  )
  expect(answers).toEqual(clients.map((_, index) => `for ${index}`))
  expect(open.state?.processes).toBe(1)
})

/** A call of the tool `about` that belongs to no session. */
const modern = (principalId: string): EndpointRequest => {
  const meta = { [META.protocolVersion]: '2026-07-28', [META.clientCapabilities]: {} }
  const params = { name: 'about', arguments: {}, _meta: meta }
  return {
    message: encodeRequest({ id: 1, method: 'tools/call', params }),
    method: 'tools/call',
    protocolVersion: '2026-07-28',
    principalId,
    timeoutMs: 10_000,
  }
}

describe('requests of the modern era', () => {
  test('need no session, and are kept apart by principal', async () => {
    await using open = openStdio({ era: 'dual' }, { isolation: 'session' })
    const pids = await Promise.all(
      ['ann', 'ann', 'bob'].map(async (who) => {
        const response = await readResponse(await open.endpoint.send(modern(who)))
        return /\\"pid\\":(\d+)/u.exec(JSON.stringify(response))?.[1]
      }),
    )
    expect(pids[0]).toBeDefined()
    expect(pids[0]).toBe(pids[1])
    expect(pids[0]).not.toBe(pids[2])
    // A server that speaks both is spoken to in both, in processes of their own.
    const legacy = await Client.connect(open.endpoint, 'ann')
    expect(pids).not.toContain(String(await legacy.pid()))
  })

  test('wait for a start no longer than they may, and start nothing while a failed server is left alone', async () => {
    await using slow = openStdio({ era: 'modern', startDelayMs: 60_000 })
    const impatient = await failureOf(slow.endpoint.send({ ...modern('ann'), timeoutMs: 200 }))
    expect(impatient).toMatchObject({ reason: 'starting', requestSent: false })

    await using broken = openStdio(
      { exitAtStart: 1 },
      { limits: { restartMs: 60_000, maxRestartMs: 60_000 } },
    )
    const reasons: string[] = []
    for (let call = 0; call < 3; call += 1)
      reasons.push((await failureOf(broken.endpoint.send(modern('ann')))).reason)
    expect(reasons).toEqual(['start_failed', 'start_failed', 'restart_pending'])
  })

  test('to a server that speaks only the older one are refused so that the client begins with initialize', async () => {
    await using open = openStdio()
    const reply = await open.endpoint.send(modern('ann'))
    expect(reply).toMatchObject({ kind: 'refused', status: 400 })
    await waitUntil('the process that was asked to end', () => open.state?.processes === 0)
  })
})
