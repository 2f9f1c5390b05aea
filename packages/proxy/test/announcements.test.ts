import { answerJson, startFixtureServer, startHttpUpstream } from '@mreg/testing'
import { expect, test } from 'vitest'

import { initialize, messagesOf, seen, type TestClient } from './support/exchanges.ts'
import { openProxy, registered } from './support/open-proxy.ts'

/** Opens the stream on which a server speaks unasked. */
const listen = async ({ send }: TestClient, signal?: AbortSignal) => {
  const answer = await send(undefined, { method: 'GET', headers: { accept: 'text/event-stream' }, signal })
  if (answer.kind !== 'stream') throw new Error(`expected a stream, got ${answer.status}`)
  return answer
}

/** Reads a stream to its end, and does something when it has begun. */
const readOn = async (chunks: AsyncIterable<Uint8Array>, whenBegun: () => unknown): Promise<number> => {
  let count = 0
  for await (const chunk of chunks) {
    if (count === 0) await whenBegun()
    count += Math.sign(chunk.length)
  }
  return count
}

test('what a server says unasked comes through as it is said, on a stream that begins at once', async () => {
  await using server = await startFixtureServer()
  await using open = openProxy({ timeouts: { heartbeatMs: 600_000 } })
  open.register(registered(server.url))
  const client = await initialize(open.proxy)
  const { chunks, headers } = await listen(client)
  expect(Object.fromEntries(headers)['content-type']).toBe('text/event-stream')
  let heard = 0
  for await (const chunk of chunks) {
    // The first chunk says that the stream is open.
    if (heard === 0) await server.announce()
    for (const message of messagesOf(chunk)) {
      heard += 1
      expect(message).toEqual({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })
    }
    if (heard === 3) break
    if (heard > 0) await server.announce()
  }
  expect(heard).toBe(3)
})

test('the stream ends when its client goes, here and at the server', async () => {
  await using server = await startFixtureServer()
  await using open = openProxy({ timeouts: { heartbeatMs: 20 } })
  open.register(registered(server.url))
  const client = await initialize(open.proxy)
  const gone = new AbortController()
  const { chunks } = await listen(client, gone.signal)
  expect(await readOn(chunks, () => gone.abort())).toBeGreaterThan(0)
  await expect.poll(() => open.pool.stats().active).toBe(0)
  // The server has noticed too: it lets the next one in, where it allows only one at a time.
  await expect.poll(async () => (await client.send(undefined, { method: 'GET' })).status).toBe(200)
})

test('a silent stream is kept alive', async () => {
  await using server = await startFixtureServer()
  await using open = openProxy({ timeouts: { heartbeatMs: 20 } })
  open.register(registered(server.url))
  const client = await initialize(open.proxy)
  const gone = new AbortController()
  const { chunks } = await listen(client, gone.signal)
  let comments = 0
  for await (const chunk of chunks) {
    comments += chunk[0] === 0x3a ? 1 : 0
    if (comments === 4) gone.abort()
  }
  expect(comments).toBeGreaterThanOrEqual(4)
})

test('the stream ends, without an error, when the server dies', async () => {
  const server = await startFixtureServer()
  await using open = openProxy({ timeouts: { heartbeatMs: 20 } })
  open.register(registered(server.url))
  const client = await initialize(open.proxy)
  const { chunks } = await listen(client)
  expect(await readOn(chunks, () => server.stop())).toBeGreaterThan(0)
  expect((await client.send(undefined, { method: 'GET' })).status).toBe(503)
})

test('the stream ends when its server is removed', async () => {
  await using server = await startFixtureServer()
  await using open = openProxy({ timeouts: { heartbeatMs: 20 } })
  const fixture = registered(server.url)
  open.register(fixture)
  const client = await initialize(open.proxy)
  const { chunks } = await listen(client)
  const count = await readOn(chunks, () => {
    const removed = [{ tenantId: 'default', serverId: fixture.id }]
    for (const id of open.routes.apply({ changed: [], removed, complete: false })) open.upstreams.retire(id)
  })
  expect(count).toBeGreaterThan(0)
  expect((await client.send(undefined, { method: 'GET' })).status).toBe(404)
})

test('a reader that stops at a heartbeat leaves no failure behind', async () => {
  const unhandled: unknown[] = []
  const onUnhandled = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', onUnhandled)
  try {
    const server = await startFixtureServer()
    await using open = openProxy()
    open.register(registered(server.url))
    const client = await initialize(open.proxy)
    const { chunks } = await listen(client)
    const reading = chunks[Symbol.asyncIterator]()
    await reading.next()
    await reading.return?.()
    await server.stop()
    await expect.poll(() => open.pool.stats().active).toBe(0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(unhandled).toEqual([])
  } finally {
    process.off('unhandledRejection', onUnhandled)
  }
})

/** A server that opens sessions and answers GET as told. */
const startServerWithGet = (status: number, headers: Readonly<Record<string, string>> = {}) =>
  startHttpUpstream(({ method, rpcMethod, rpcId }, response) => {
    const result = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      serverInfo: { name: 'x', version: '1' },
    }
    if (rpcMethod === 'initialize') {
      answerJson(response, { jsonrpc: '2.0', id: rpcId, result }, { headers: { 'mcp-session-id': 's' } })
    } else if (method === 'GET') response.writeHead(status, headers).end()
    else response.writeHead(202).end()
  })

test.each([405, 404, 400])('a server that answers %i to GET offers no such stream', async (status) => {
  await using upstream = await startServerWithGet(status)
  await using open = openProxy()
  open.register(registered(upstream.url))
  const client = await initialize(open.proxy)
  const answer = await client.ask(undefined, { method: 'GET' })
  expect(answer).toMatchObject({ status: 405, text: '', headers: { allow: 'POST, DELETE' } })
  // It was asked once, and not made to open another session.
  expect(upstream.requests.map(({ method }) => method)).toEqual(['POST', 'POST', 'GET'])
})

test('S20: a server that allows one stream says so for the second, and so does the gateway', async () => {
  await using server = await startFixtureServer()
  await using open = openProxy()
  open.register(registered(server.url))
  const client = await initialize(open.proxy)
  const gone = new AbortController()
  const first = await listen(client, gone.signal)
  expect(await client.ask(undefined, { method: 'GET' })).toMatchObject({
    status: 409,
    last: { id: null, error: { code: -32_000 } },
  })
  gone.abort()
  await seen(first)
})

test.each([
  [401, 'needs_login'],
  [500, 'upstream_status'],
  [302, 'redirect'],
])(
  'a server that answers %i to GET is a failure that may pass (%s), never its own status',
  async (status, reason) => {
    await using upstream = await startServerWithGet(status, { 'www-authenticate': 'Bearer canary' })
    await using open = openProxy()
    open.register(registered(upstream.url))
    const client = await initialize(open.proxy)
    const answer = await client.ask(undefined, { method: 'GET' })
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      last: { id: null, error: { data: { reason, server: 'fixture' } } },
    })
    expect(JSON.stringify(answer)).not.toContain('canary')
  },
)

test('a hint of the server when to come back is passed on', async () => {
  await using upstream = await startServerWithGet(429, { 'retry-after': '17' })
  await using open = openProxy()
  open.register(registered(upstream.url))
  const client = await initialize(open.proxy)
  const answer = await client.ask(undefined, { method: 'GET' })
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '17' } })
})

test('a client that does not take streams is refused', async () => {
  await using server = await startFixtureServer()
  await using open = openProxy()
  open.register(registered(server.url))
  const client = await initialize(open.proxy)
  const headers = { accept: 'application/json' }
  expect((await client.ask(undefined, { method: 'GET', headers })).status).toBe(406)
})

test('a broken stream is gone on with: Last-Event-ID reaches the server', async () => {
  const lastEventIds: unknown[] = []
  await using upstream = await startHttpUpstream(({ method, headers, rpcMethod, rpcId }, response) => {
    if (rpcMethod === 'initialize') {
      answerJson(response, { jsonrpc: '2.0', id: rpcId, result: { protocolVersion: '2025-11-25' } })
    } else if (method === 'GET') {
      lastEventIds.push(headers['last-event-id'])
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end('id: event-8\nretry: 250\ndata: {"jsonrpc":"2.0","method":"notifications/x"}\n\n')
    } else response.writeHead(202).end()
  })
  await using open = openProxy()
  open.register(registered(upstream.url))
  const client = await initialize(open.proxy)
  const answer = await client.ask(undefined, { method: 'GET', headers: { 'last-event-id': 'event-7' } })
  expect(lastEventIds).toEqual(['event-7'])
  expect(answer.messages).toEqual([{ jsonrpc: '2.0', method: 'notifications/x' }])
  expect(answer.text).toContain('id: event-8\n')
  expect(answer.text).toContain('retry: 250\n')
})
