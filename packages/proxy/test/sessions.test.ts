import { type Principal, LOCAL_PRINCIPAL } from '@mreg/core'
import { startFixtureServer, startHttpUpstream } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import {
  callOf,
  clientOf,
  errorOf,
  exchangeOf,
  INITIALIZE,
  initialize,
  PROTOCOL_VERSION,
  requestOf,
  seen,
} from './support/exchanges.ts'
import { openProxy, registered } from './support/open-proxy.ts'

const OTHER_USER: Principal = { ...LOCAL_PRINCIPAL, id: 'somebody else' }
const ECHO = callOf('echo', { message: 'hi' })
const SESSION_UNKNOWN = { code: -32_001 }

describe('initialize', () => {
  test('gives what the server says, and a token of visible ASCII that shows nothing', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const answer = await seen(await open.proxy.handle(exchangeOf(INITIALIZE)))
    expect(answer).toMatchObject({
      status: 200,
      kind: 'complete',
      last: { id: 1, result: { protocolVersion: PROTOCOL_VERSION, serverInfo: { name: 'fixture' } } },
    })
    expect(answer.headers['content-type']).toBe('application/json')
    const token = answer.headers['mcp-session-id'] ?? ''
    expect(token).toMatch(/^[\w-]{200,2000}$/u)
    expect(Buffer.from(token, 'base64url').toString('latin1')).not.toContain(server.sessionIds[0])
  })

  test('gives the error of the server, and no token', async () => {
    await using upstream = await startHttpUpstream(({ rpcId }, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'x' })
      response.end(JSON.stringify({ jsonrpc: '2.0', id: rpcId, error: { code: -32_602, message: 'No.' } }))
    })
    await using open = openProxy()
    open.register(registered(upstream.url))
    const answer = await seen(await open.proxy.handle(exchangeOf(INITIALIZE)))
    expect(answer).toMatchObject({ status: 200, last: { id: 1, error: { code: -32_602, message: 'No.' } } })
    expect(answer.headers['mcp-session-id']).toBeUndefined()
  })

  test('gives no token for a result that names no protocol version', async () => {
    await using upstream = await startHttpUpstream(({ rpcId }, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'x' })
      response.end(
        JSON.stringify({ jsonrpc: '2.0', id: rpcId, result: { protocolVersion: { not: 'text' } } }),
      )
    })
    await using open = openProxy()
    open.register(registered(upstream.url))
    const answer = await seen(await open.proxy.handle(exchangeOf(INITIALIZE)))
    expect(answer.status).toBe(200)
    expect(answer.headers['mcp-session-id']).toBeUndefined()
  })

  test('is refused when the client declares more than a token can hold', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const huge = requestOf('initialize', {
      protocolVersion: PROTOCOL_VERSION,
      capabilities: { experimental: { much: { text: 'x'.repeat(9000) } } },
      clientInfo: { name: 'test', version: '1' },
    })
    const answer = await seen(await open.proxy.handle(exchangeOf(huge)))
    expect(answer.status).toBe(400)
    expect(errorOf(answer.last)).toMatchObject({
      code: -32_602,
      message: expect.stringContaining('too large'),
    })
  })

  test('makes each client a session of its own at the server', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const [one, two] = [await initialize(open.proxy), await initialize(open.proxy)]
    expect(one.token).not.toBe(two.token)
    await one.ask(ECHO)
    await two.ask(ECHO)
    expect(server.sessionsOpened).toBe(2)
    expect(new Set(server.executions.map(({ sessionId }) => sessionId)).size).toBe(2)
  })
})

describe('a session token', () => {
  test('S21 is demanded of everything but initialize', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    await initialize(open.proxy)
    const before = server.requestHeaders.length
    for (const [method, body] of [
      ['POST', ECHO],
      ['GET', undefined],
      ['DELETE', undefined],
    ] as const) {
      const answer = await seen(await open.proxy.handle(exchangeOf(body, { method })))
      expect(answer.status).toBe(400)
      expect(answer.last).toMatchObject({ id: method === 'POST' ? 1 : null, error: { code: -32_000 } })
    }
    expect(server.requestHeaders).toHaveLength(before)
  })

  test('S20 is never one that a client brings to initialize, its own or that of another', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const victim = await initialize(open.proxy)
    for (const brought of ['chosen-by-the-client', victim.token]) {
      const { token } = await initialize(open.proxy, { headers: { 'mcp-session-id': brought } })
      expect(token).not.toBe(brought)
    }
    expect(server.sessionsOpened).toBe(3)
    expect((await clientOf(open.proxy, 'chosen-by-the-client').ask(ECHO)).status).toBe(404)
  })

  test('S20 is good only for the principal, the tenant and the server that it was given for', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(
      registered(server.url),
      registered(server.url, { slug: 'other' }),
      registered(server.url, { tenantId: 'other' }),
    )
    const { ask } = await initialize(open.proxy)
    expect((await ask(ECHO)).status).toBe(200)
    for (const fields of [
      { principal: OTHER_USER },
      { principal: { ...LOCAL_PRINCIPAL, tenantId: 'other' } },
      { slug: 'other' },
    ]) {
      for (const method of ['POST', 'GET', 'DELETE'] as const) {
        const answer = await ask(method === 'POST' ? ECHO : undefined, { ...fields, method })
        expect(answer).toMatchObject({ status: 404, last: { error: SESSION_UNKNOWN } })
      }
    }
    expect(server.executions).toHaveLength(1)
    expect(server.sessionIds).toHaveLength(1)
  })

  test('S20 is good for nothing once any of its characters was changed, or some were added or left out', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { token } = await initialize(open.proxy)
    const faulty = [
      ...Array.from(
        token,
        (character, index) =>
          `${token.slice(0, index)}${character === 'A' ? 'B' : 'A'}${token.slice(index + 1)}`,
      ),
      `${token}A`,
      `${token}=`,
      `${token}!`,
      ` ${token}`,
      `${token.slice(0, 10)} ${token.slice(10)}`,
      token.slice(0, -1),
      token.slice(1),
      '',
      'x',
      'x'.repeat(10_000),
      '../../etc/passwd',
    ]
    for (const wrong of faulty) {
      const answer = await clientOf(open.proxy, wrong).ask(ECHO)
      expect(answer).toMatchObject({ status: 404, last: { id: 1, error: SESSION_UNKNOWN } })
    }
    expect(server.executions).toEqual([])
  })

  test('is good until it expires, and not a moment longer', async () => {
    let now = 1_000_000
    await using server = await startFixtureServer()
    await using open = openProxy({ now: () => now, timeouts: { sessionMs: 60_000 } })
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)
    now += 59_999
    expect((await ask(ECHO)).status).toBe(200)
    now += 1
    expect(await ask(ECHO)).toMatchObject({ status: 404, last: { error: SESSION_UNKNOWN } })
    expect(server.executions).toHaveLength(1)
  })

  test('of a server that was registered anew under the same slug is not known', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    const first = registered(server.url)
    open.register(first)
    const { ask } = await initialize(open.proxy)
    open.routes.apply({
      changed: [registered(server.url)],
      removed: [{ tenantId: 'default', serverId: first.id }],
      complete: false,
    })
    expect((await ask(ECHO)).status).toBe(404)
  })

  test('of another gateway with other keys is not known', async () => {
    await using server = await startFixtureServer()
    await using one = openProxy()
    await using other = openProxy()
    const fixture = registered(server.url)
    one.register(fixture)
    other.register(fixture)
    const { token } = await initialize(one.proxy)
    expect((await clientOf(other.proxy, token).ask(ECHO)).status).toBe(404)
  })
})

describe('a session', () => {
  test('S20 ends with DELETE, here and at the server, and does not come back', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)
    const deleted = await ask(undefined, { method: 'DELETE' })
    expect(deleted).toMatchObject({ status: 204, text: '' })
    expect(server.sessionIds).toEqual([])
    for (const method of ['POST', 'GET', 'DELETE'] as const) {
      const again = await ask(method === 'POST' ? ECHO : undefined, { method })
      expect(again).toMatchObject({ status: 404, last: { error: SESSION_UNKNOWN } })
    }
    expect(server.executions).toEqual([])
  })

  test('ends with DELETE also when the server is away', async () => {
    const server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)
    await server.stop()
    expect((await ask(undefined, { method: 'DELETE' })).status).toBe(204)
    expect((await ask(ECHO)).status).toBe(404)
  })

  test('is pinged at the gateway, which lives even when the server does not', async () => {
    const server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)
    const before = server.requestHeaders.length
    await server.stop()
    for (const id of [7, 'seven', 0, '']) {
      expect(await ask(requestOf('ping', undefined, id))).toMatchObject({
        status: 200,
        last: { jsonrpc: '2.0', id, result: {} },
      })
    }
    expect(server.requestHeaders).toHaveLength(before)
  })

  test('takes every legacy protocol version in the header, or none, and no other', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { token } = await initialize(open.proxy)
    const ask = async (headers: Record<string, string>, method: 'POST' | 'GET' | 'DELETE' = 'POST') =>
      seen(
        await open.proxy.handle(
          exchangeOf(method === 'POST' ? ECHO : undefined, {
            method,
            headers: { 'mcp-session-id': token, ...headers },
          }),
        ),
      )
    expect((await ask({})).status).toBe(200)
    for (const version of ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']) {
      expect((await ask({ 'mcp-protocol-version': version })).status).toBe(200)
    }
    const executions = server.executions.length
    for (const version of ['2030-01-01', '2025-11-2', 'x', '']) {
      for (const method of ['POST', 'GET', 'DELETE'] as const) {
        expect((await ask({ 'mcp-protocol-version': version }, method)).status).toBe(400)
      }
    }
    expect(server.executions).toHaveLength(executions)
    expect(server.sessionIds).toHaveLength(1)
  })

  test('tells the server the protocol version that was agreed on, whatever the client repeats', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)
    await ask(ECHO, { headers: { 'mcp-protocol-version': '2025-03-26' } })
    expect(server.requestHeaders.at(-1)?.['mcp-protocol-version']).toBe(PROTOCOL_VERSION)
  })

  test('never tells the server what is meant for the gateway (S14, S34)', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { ask, token } = await initialize(open.proxy)
    await ask(ECHO, {
      headers: {
        authorization: 'Bearer canary',
        cookie: 'canary=1',
        origin: 'http://canary.example',
        host: 'canary.example',
        'x-forwarded-for': 'canary',
      },
    })
    const headers = JSON.stringify(server.requestHeaders.at(-1))
    expect(headers).not.toContain('canary')
    expect(headers).not.toContain(token)
  })

  test('F21: survives a restart of the server: nobody has to initialise again', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const { ask } = await initialize(open.proxy)
    await server.forgetSessions()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => ask(callOf('echo', { message: `m${index}` }, { id: index }))),
    )
    for (const [index, answer] of answers.entries()) {
      expect(answer.last).toMatchObject({ id: index, result: { content: [{ text: `m${index}` }] } })
    }
    expect(server.sessionsOpened).toBe(2)
    expect(server.executions).toHaveLength(20)
  })

  test('goes on at another endpoint when its own is gone', async () => {
    await using first = await startFixtureServer()
    await using second = await startFixtureServer()
    await using open = openProxy()
    const server = registered(first.url)
    open.register(server)
    const { ask } = await initialize(open.proxy)
    await ask(ECHO)
    const [firstSession = ''] = first.sessionIds
    open.register(registered(second.url, { id: server.id, revision: 2 }))
    for (let call = 1; call <= 3; call += 1) {
      expect((await ask(ECHO)).last).toMatchObject({ result: { content: [{ text: 'hi' }] } })
    }
    expect(first.executions).toHaveLength(1)
    expect(second.executions).toHaveLength(3)
    expect(second.sessionsOpened).toBe(1)
    // What the first one calls the session is none of the second one's business.
    expect(JSON.stringify(second.requestHeaders)).not.toContain(firstSession)
  })

  test('stays what it is when its server is changed otherwise', async () => {
    await using server = await startFixtureServer()
    await using open = openProxy()
    const before = registered(server.url)
    open.register(before)
    const { ask } = await initialize(open.proxy)
    open.register({ ...before, revision: 2, title: 'A new title' })
    expect((await ask(ECHO)).status).toBe(200)
    expect(server.sessionsOpened).toBe(1)
  })
})
