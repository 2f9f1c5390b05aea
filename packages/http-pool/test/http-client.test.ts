import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'

import { freePort, httpResponse, type ScriptStep, startBlackHole, startScriptedUpstream } from '@mreg/testing'
import { expect, test } from 'vitest'

import { createHttpClient } from '../src/got.ts'
import { HttpPool } from '../src/index.ts'
import { failureOf } from './support/failure-of.ts'
import { startHttpServer } from './support/http-server.ts'

test('a GET asks for JSON, uncompressed, and gives status, headers and the whole body', async () => {
  await using server = await startHttpServer((_request, response) => {
    response.writeHead(404, { 'content-type': 'application/json', 'x-twice': ['a', 'b'] })
    response.end('{"error":"nöt found"}')
  })
  await using pool = new HttpPool({ userAgent: 'mreg/1' })
  const client = createHttpClient(pool)
  const response = await client.get(server.url)
  expect(response.status).toBe(404)
  expect(response.headers.get('X-Twice')).toBe('a, b')
  expect(response.text()).toBe('{"error":"nöt found"}')
  expect(response.json()).toEqual({ error: 'nöt found' })
  const [request] = server.requests
  expect(request?.method).toBe('GET')
  expect(request?.rawHeaders.join('\n')).toContain('user-agent\nmreg/1\naccept\napplication/json')
  expect(request?.rawHeaders.join('\n')).toContain('accept-encoding\nidentity')
})

test('a POST sends JSON, text or bytes, with the headers of the client and of the request', async () => {
  await using server = await startHttpServer((_request, response) => response.end('{}'))
  await using pool = new HttpPool()
  const client = createHttpClient(pool, { headers: { 'X-Client': 'one', 'X-Both': 'client' } })
  await client.post(server.url, { json: { a: 'ä' }, headers: { 'x-both': 'request' } })
  await client.post(server.url.href, { body: 'text', headers: { 'Content-Type': 'text/plain' } })
  await client.request(server.url, { method: 'put', body: Buffer.from([0x62]) })
  expect(server.requests.map(({ method, body }) => [method, body])).toEqual([
    ['POST', '{"a":"ä"}'],
    ['POST', 'text'],
    ['PUT', 'b'],
  ])
  const [first, second] = server.requests.map(({ rawHeaders }) => rawHeaders.join('\n'))
  expect(first).toContain('content-type\napplication/json')
  expect(first).toContain('x-client\none')
  expect(first).toContain('x-both\nrequest')
  expect(second).toContain('content-type\ntext/plain')
  expect(second).toContain('x-both\nclient')
})

test('User-Agent, Accept and Accept-Encoding of the caller replace those of the client', async () => {
  await using server = await startHttpServer((_request, response) => response.end('{}'))
  await using pool = new HttpPool()
  const headers = { 'User-Agent': 'caller/2', Accept: 'text/plain', 'Accept-Encoding': 'gzip' }
  await createHttpClient(pool).get(server.url, { headers })
  const sent = server.requests[0]?.rawHeaders.join('\n').toLowerCase()
  expect(sent).toContain('user-agent\ncaller/2')
  expect(sent).toContain('accept\ntext/plain')
  expect(sent).toContain('accept-encoding\ngzip')
  expect(sent).not.toContain('identity')
})

test.each(['GET', 'HEAD', 'OPTIONS', 'DELETE', 'POST', 'PUT', 'PATCH'])(
  '%s without a body is sent without one',
  async (method) => {
    await using server = await startHttpServer((_request, response) => response.end('ok'))
    await using pool = new HttpPool()
    const response = await createHttpClient(pool).request(server.url, { method })
    expect([response.status, response.text()]).toEqual([200, method === 'HEAD' ? '' : 'ok'])
    expect(server.requests.map((request) => [request.method, request.body])).toEqual([[method, '']])
    expect(server.requests[0]?.rawHeaders.join('\n').toLowerCase()).not.toContain('transfer-encoding')
  },
)

test('json gives the parsed body of a success and rejects another status by its number', async () => {
  await using server = await startHttpServer((request, response) => {
    response.statusCode = request.url === '/mcp' ? 200 : 503
    response.end('{"a":1}')
  })
  await using pool = new HttpPool()
  const client = createHttpClient(pool)
  expect(await client.json(server.url)).toEqual({ a: 1 })
  const failure = await failureOf(client.json(new URL('/down', server.url), { method: 'POST', json: {} }))
  expect(failure).toMatchObject({ reason: 'bad_status', status: 503, requestSent: true })
})

test('a body that is no JSON is an invalid response, and is not repeated in the error', async () => {
  await using server = await startHttpServer((_request, response) => response.end('<h1>secret page</h1>'))
  await using pool = new HttpPool()
  const failure = await failureOf(createHttpClient(pool).json(server.url))
  expect(failure).toMatchObject({ reason: 'invalid_response', requestSent: true })
  expect(inspect(failure)).not.toContain('secret')
})

test('both forms use the same connection, in turn', async () => {
  await using server = await startHttpServer((_request, response) => response.end('ok'))
  await using pool = new HttpPool()
  const client = createHttpClient(pool)
  await client.get(server.url)
  const relayed = await pool.relay({ url: server.url, method: 'GET' })
  expect(relayed.reusedSocket).toBe(true)
  await relayed.body.bytes()
  await client.get(server.url)
  expect(server.connectionsAccepted).toBe(1)
  expect(pool.stats()).toMatchObject({ open: 1, idle: 1, active: 0 })
})

test('the limits and counts of the pool hold for the client', async () => {
  const held: (() => void)[] = []
  await using server = await startHttpServer((_request, response) => held.push(() => response.end('ok')))
  await using pool = new HttpPool({ maxConnectionsPerOrigin: 1, maxQueuedRequestsPerOrigin: 1 })
  const client = createHttpClient(pool)
  const first = client.get(server.url)
  await expect.poll(() => held.length).toBe(1)
  const second = client.get(server.url)
  await expect.poll(() => pool.stats()).toMatchObject({ active: 1, queued: 1, open: 1 })
  expect(await failureOf(client.get(server.url))).toMatchObject({ reason: 'queue_full', requestSent: false })
  held[0]?.()
  await expect.poll(() => held.length).toBe(2)
  held[1]?.()
  await Promise.all([first, second])
  expect(pool.stats()).toMatchObject({ active: 0, queued: 0 })
})

test('the expiry of idle connections does not cut a slow response', async () => {
  await using server = await startHttpServer(
    (_request, response) => void setTimeout(() => response.end('ok'), 300),
  )
  await using pool = new HttpPool({ keepAliveMs: 80 })
  expect((await createHttpClient(pool).get(server.url)).text()).toBe('ok')
  await expect.poll(() => pool.stats().open).toBe(0)
})

test('F1: a refused connection is unreachable', async () => {
  await using pool = new HttpPool()
  const failure = await failureOf(createHttpClient(pool).get(`http://127.0.0.1:${await freePort()}/`))
  expect(failure).toMatchObject({ reason: 'unreachable', requestSent: false })
  await expect.poll(() => pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('F2: a black hole is given up at the connect time-out', async () => {
  await using hole = await startBlackHole()
  await using pool = new HttpPool()
  const client = createHttpClient(pool, { timeouts: { connectMs: 150 } })
  expect(await failureOf(client.get(hole.url))).toMatchObject({
    reason: 'connect_timeout',
    requestSent: false,
  })
  await expect.poll(() => pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('F3: a name that cannot be resolved fails as dns', async () => {
  await using pool = new HttpPool()
  const failure = await failureOf(createHttpClient(pool).get('http://no-such-host.invalid/'))
  expect(failure).toMatchObject({ reason: 'dns', requestSent: false })
})

test.each<[string, string, ScriptStep[]]>([
  ['F6: no head', 'headers_timeout', []],
  ['a connection closed before the head', 'reset', ['end']],
  ['something that is not HTTP', 'invalid_response', [{ send: 'SSH-2.0-OpenSSH\r\n' }]],
  ['F7: a body that stalls', 'idle_timeout', [{ send: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf' }]],
  ['F8: a short body', 'truncated', [{ send: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf' }, 'end']],
  [
    'F8: a bad chunk',
    'truncated',
    [{ send: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nnonsense\r\n' }],
  ],
  [
    'F9: a reset in the body',
    'truncated',
    [{ send: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf' }, { sleepMs: 50 }, 'reset'],
  ],
  [
    'F10: one byte at a time',
    'total_timeout',
    [
      { send: 'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n' },
      ...Array.from({ length: 100 }, (): ScriptStep[] => [{ send: '.' }, { sleepMs: 20 }]).flat(),
    ],
  ],
  [
    'F12: a length over the limit',
    'too_large',
    [{ send: 'HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n' }],
  ],
  ['F12: a body over the limit', 'too_large', [{ send: `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(2_000)}` }]],
])('%s is %s, with the request sent and the connection gone', async (_what, reason, steps) => {
  await using upstream = await startScriptedUpstream(['read-request', ...steps])
  await using pool = new HttpPool()
  const client = createHttpClient(pool, {
    maxResponseBytes: 1_000,
    timeouts: { headersMs: 250, idleMs: 200, totalMs: 500 },
  })
  const failure = await failureOf(
    client.post(`${upstream.url}?token=s3cret`, {
      json: { password: 's3cret' },
      headers: { authorization: 'Bearer s3cret' },
    }),
  )
  expect(failure).toMatchObject({ reason, requestSent: true })
  expect(inspect(failure, { depth: 20, showHidden: true })).not.toContain('s3cret')
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
  expect(pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('F13: a compressed body is given as it came', async () => {
  const bomb = gzipSync(Buffer.alloc(20_000_000))
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: httpResponse(200, { 'content-encoding': 'gzip' }, bomb) },
  ])
  await using pool = new HttpPool()
  const response = await createHttpClient(pool, { maxResponseBytes: 100_000 }).get(upstream.url)
  expect(response.body.equals(bomb)).toBe(true)
})

test('F18: a redirect is a response like any other', async () => {
  await using canary = await startScriptedUpstream()
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: httpResponse(302, { location: canary.url }) },
  ])
  await using pool = new HttpPool()
  const response = await createHttpClient(pool).get(upstream.url)
  expect(response.status).toBe(302)
  expect(canary.connectionsAccepted).toBe(0)
})

test('F19: a request that meets a dead kept connection is not sent twice', async () => {
  const ok = { send: httpResponse(200, {}, 'ok') }
  await using upstream = await startScriptedUpstream(['read-request', ok, 'read-request', 'reset'])
  await using pool = new HttpPool()
  const client = createHttpClient(pool)
  await client.get(upstream.url)
  expect(await failureOf(client.get(upstream.url))).toMatchObject({ reason: 'reset', requestSent: true })
  expect(upstream.requests.length).toBe(2)
})

test('an abort ends a request that waits for its head or its body', async () => {
  await using upstream = await startScriptedUpstream((connection) => [
    'read-request',
    ...(connection === 1 ? [] : [{ send: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf' }]),
  ])
  await using pool = new HttpPool()
  const client = createHttpClient(pool)
  for (const count of [1, 2]) {
    const controller = new AbortController()
    const sent = failureOf(client.get(upstream.url, { signal: controller.signal }))
    await expect.poll(() => upstream.requests.length).toBe(count)
    await new Promise((resolve) => setTimeout(resolve, 50))
    controller.abort(new Error('enough'))
    expect(await sent).toMatchObject({ reason: 'aborted', requestSent: true, cause: new Error('enough') })
  }
  const early = await failureOf(client.get(upstream.url, { signal: AbortSignal.abort() }))
  expect(early).toMatchObject({ reason: 'aborted', requestSent: false })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
  expect(pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('what is no URL is refused without repeating it', async () => {
  await using pool = new HttpPool()
  const client = createHttpClient(pool)
  for (const url of ['/relative?token=s3cret', 'http://user:s3cret@127.0.0.1/', 'file:///s3cret']) {
    const failure = await failureOf(client.get(url))
    expect(failure).toMatchObject({ reason: 'invalid_url', requestSent: false })
    expect(inspect(failure)).not.toContain('s3cret')
  }
})
