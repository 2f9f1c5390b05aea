import { LOCAL_PRINCIPAL, type Principal } from '@mreg/core'
import { startFixtureServer } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import type { ServerProxy } from '../src/index.ts'
import {
  callOf,
  errorOf,
  exchangeOf,
  INITIALIZE,
  initialize,
  seen,
  type TestClient,
} from './support/exchanges.ts'
import { openMerged } from './support/open-merged.ts'
import { openProxy, registered } from './support/open-proxy.ts'

const OTHER_USER: Principal = { ...LOCAL_PRINCIPAL, id: 'somebody else' }
const ECHO = callOf('echo', { message: 'hi' })

/** Opens the stream of a session, which is in use until the stream is left. */
const listen = async (client: TestClient): Promise<() => Promise<void>> => {
  const gone = new AbortController()
  const answer = await client.send(undefined, { method: 'GET', signal: gone.signal })
  if (answer.kind !== 'stream') throw new Error(`no stream: ${answer.status}`)
  const chunks = answer.chunks[Symbol.asyncIterator]()
  await chunks.next()
  return async () => {
    gone.abort()
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next());
  }
}

const refused = async (proxy: Pick<ServerProxy, 'handle'>, fields = {}): Promise<object> => {
  const { headers, last, status } = await seen(await proxy.handle(exchangeOf(INITIALIZE, fields)))
  expect({ status, token: headers['mcp-session-id'], id: last['id'] }).toEqual({
    status: 200,
    token: undefined,
    id: 1,
  })
  return errorOf(last)
}

describe('as many sessions as a principal may have', () => {
  test('do not keep another from being opened: the one idle longest makes room, and comes back unharmed', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy({ maxPerPrincipal: 3, maxPerTenant: 100 })
    open.register(registered(server.url))
    const clients = []
    for (let count = 0; count < 6; count += 1) clients.push(await initialize(open.proxy))
    expect(open.sessions.size).toBe(3)
    for (const client of clients)
      expect((await client.ask(ECHO)).last).toMatchObject({ result: { content: [{ text: 'hi' }] } })
    expect(open.sessions.size).toBe(3)
    // Nobody had to open a session at the server again.
    expect(server.sessionIds).toHaveLength(6)
  })

  test('all in use are the most: the next is told why, where that is set, and when to try again', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy({ maxPerPrincipal: 2, maxPerTenant: 100 })
    open.register(registered(server.url))
    const [one, two] = [await initialize(open.proxy), await initialize(open.proxy)]
    const [leaveOne, leaveTwo] = [await listen(one), await listen(two)]
    expect(await refused(open.proxy)).toMatchObject({
      code: -32_603,
      message: expect.stringContaining('limits.maxSessionsPerPrincipal') as unknown,
      data: { reason: 'too_many_sessions', server: 'fixture', retryAfterMs: expect.any(Number) as unknown },
    })
    // The server was not asked for a session that nobody may have.
    expect(server.sessionIds).toHaveLength(2)
    // Another one is not concerned, and neither are the sessions that there are.
    await initialize(open.proxy, { principal: OTHER_USER })
    expect((await one.ask(ECHO)).last).toMatchObject({ result: {} })

    await leaveOne()
    await initialize(open.proxy)
    expect((await one.ask(ECHO)).last).toMatchObject({ result: {} })
    await leaveTwo()
  })

  test('are fewer when one is ended', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy({ maxPerPrincipal: 1, maxPerTenant: 100 })
    open.register(registered(server.url))
    const client = await initialize(open.proxy)
    const leave = await listen(client)
    expect(await refused(open.proxy)).toMatchObject({ data: { reason: 'too_many_sessions' } })
    expect((await client.ask(undefined, { method: 'DELETE' })).status).toBe(204)
    await initialize(open.proxy)
    await leave()
  })

  test('are not taken by those that could not be opened', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy({ maxPerPrincipal: 1, maxPerTenant: 100 })
    open.register(registered('http://127.0.0.1:1/mcp', { slug: 'away' }), registered(server.url))
    for (let count = 0; count < 3; count += 1)
      expect(await refused(open.proxy, { slug: 'away' })).toMatchObject({
        data: { reason: 'unreachable' },
      })
    const leave = await listen(await initialize(open.proxy))
    await leave()
  })

  test('are counted together through one server and through all as one', async () => {
    await using server = await startFixtureServer()
    await using all = await openMerged({}, { maxPerPrincipal: 2, maxPerTenant: 100 })
    all.register(registered(server.url))
    const leaveOne = await listen(await initialize(all.open.proxy))
    const leaveTwo = await listen(await initialize(all.merged))
    expect(await refused(all.merged)).toMatchObject({ data: { reason: 'too_many_sessions' } })
    expect(await refused(all.open.proxy)).toMatchObject({ data: { reason: 'too_many_sessions' } })
    await leaveTwo()
    const again = await initialize(all.merged)
    expect((await again.ask(callOf('fixture__echo', { message: 'hi' }))).last).toMatchObject({ result: {} })
    await leaveOne()
  })
})

test('a tenant has a limit of its own, over all of its principals', async () => {
  await using server = await startFixtureServer()
  await using open = openProxy({ maxPerPrincipal: 2, maxPerTenant: 2 })
  open.register(registered(server.url), registered(server.url, { tenantId: 'another' }))
  const leaveOne = await listen(await initialize(open.proxy))
  const leaveTwo = await listen(await initialize(open.proxy, { principal: OTHER_USER }))
  expect(await refused(open.proxy, { principal: OTHER_USER })).toMatchObject({
    message: expect.stringContaining('limits.maxSessionsPerTenant') as unknown,
    data: { reason: 'too_many_sessions' },
  })
  await initialize(open.proxy, { principal: { ...LOCAL_PRINCIPAL, tenantId: 'another' } })
  await leaveOne()
  await leaveTwo()
})
