import { EventBus, type GatewayEvents } from '@mreg/core'
import { startFixtureServer, startHttpUpstream } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { readResponse } from '../src/index.ts'
import { callOf, failureOf, listen, requestOf } from './support/messages.ts'
import { openSession } from './support/open-session.ts'
import { openUpstream, targetOf } from './support/open-upstream.ts'

describe('the live endpoints of a process', () => {
  test('are made once for each endpoint, and again when their server has changed', async () => {
    await using open = openUpstream('http://127.0.0.1:1/mcp')
    const { upstreams, target, endpoint } = open
    expect(upstreams.endpoint({ ...target })).toBe(endpoint)
    const anew = upstreams.endpoint({ ...target, revision: 2 })
    expect(anew).not.toBe(endpoint)
    expect(upstreams.endpoint({ ...target, revision: 2 })).toBe(anew)
    expect(upstreams.endpoint(targetOf('http://127.0.0.1:1/mcp'))).not.toBe(anew)
  })

  test('go to the new address at once, while calls at the old one end by themselves', async () => {
    await using before = await startFixtureServer({ stateless: true, name: 'before' })
    await using after = await startFixtureServer({ stateless: true, name: 'after' })
    await using open = openUpstream(before.url)
    const held = open.endpoint.send(callOf('hold'))
    await expect.poll(() => before.executions.length).toBe(1)

    const { endpoint } = open.target
    const anew = open.upstreams.endpoint({
      ...open.target,
      endpoint: { ...endpoint, url: after.url },
      revision: 2,
    })
    await readResponse(await anew.send(callOf('echo', { message: 'hi' })))
    expect(after.executions).toHaveLength(1)

    before.release()
    expect(await readResponse(await held)).toMatchObject({ result: { content: [{ text: 'released' }] } })
  })

  test.each(['retire', 'change'] as const)(
    'that %s cut whoever listens, so that clients come anew',
    async (how) => {
      await using server = await startFixtureServer()
      await using open = openUpstream(server.url)
      const session = await openSession(open.endpoint)
      const reply = await session.listen(listen)
      if (reply.kind !== 'stream') throw new Error(`expected a stream, got ${reply.kind}`)
      const next = reply.messages[Symbol.asyncIterator]().next()
      if (how === 'retire') open.upstreams.retire(open.target.endpoint.id)
      else open.upstreams.endpoint({ ...open.target, revision: 2 })
      expect(await failureOf(next)).toMatchObject({ reason: 'aborted' })
      expect(await failureOf(session.listen(listen))).toMatchObject({ reason: 'aborted' })
    },
  )

  test('that are retired are made anew if they are asked for again', async () => {
    await using open = openUpstream('http://127.0.0.1:1/mcp')
    open.upstreams.retire(open.target.endpoint.id)
    open.upstreams.retire('never seen')
    expect(open.upstreams.endpoint(open.target)).not.toBe(open.endpoint)
  })

  test('end what is under way when the process ends', async () => {
    await using server = await startFixtureServer({ stateless: true })
    await using open = openUpstream(server.url)
    const call = await open.endpoint.send(callOf('hold'))
    const answer = readResponse(call)
    await open.upstreams[Symbol.asyncDispose]()
    await failureOf(answer)
    expect(await failureOf(open.endpoint.send(callOf('hold')))).toMatchObject({
      reason: 'closed',
      requestSent: false,
    })
    await open.upstreams[Symbol.asyncDispose]()
  })

  test.each([
    ['stdio', undefined],
    ['sse', undefined],
  ] as const)(
    'refuse the transport %s with a clear reason when there is no way to it',
    async (transport, url) => {
      await using open = openUpstream('http://127.0.0.1:1/mcp')
      const target = targetOf('http://127.0.0.1:1/mcp')
      const unsupported = { ...target, endpoint: { ...target.endpoint, transport, url } }
      expect(() => open.upstreams.endpoint(unsupported)).toThrow(
        expect.objectContaining({ reason: 'transport_unsupported', requestSent: false }),
      )
    },
  )

  test('tell when the circuit of a server changes', async () => {
    const told: unknown[] = []
    const events = new EventBus<GatewayEvents>()
    events.on('circuit-changed', (event) => told.push(event))
    await using upstream = await startHttpUpstream((_request, response) => response.writeHead(500).end())
    await using open = openUpstream(upstream.url, {
      events,
      breaker: { failureThreshold: 1, openMs: 60_000, maxOpenMs: 60_000 },
    })
    await failureOf(open.endpoint.send(requestOf('tools/list')))
    expect(told).toEqual([expect.objectContaining({ slug: 'fixture', from: 'closed', to: 'open' })])
  })
})
