import { networkInterfaces } from 'node:os'

import { httpResponse, startScriptedUpstream } from '@mreg/testing'
import { expect, test } from 'vitest'

import { HttpPool, HttpPoolError } from '../src/index.ts'
import { failureOf } from './support/failure-of.ts'
import { startHttpServer } from './support/http-server.ts'

const hasIpv6Loopback = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)
const message = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}')

test('a request arrives with its method, path, header order and body, and without headers of the connection', async () => {
  await using server = await startHttpServer((_request, response) => response.end('ok'))
  await using pool = new HttpPool()
  const response = await pool.relay({
    url: new URL('/mcp?tenant=a%20b', server.url),
    method: 'POST',
    headers: [
      ['Mcp-Method', 'ping'],
      ['Host', 'evil.example'],
      ['Connection', 'close, X-Secret-Hop'],
      ['X-Secret-Hop', '1'],
      ['Transfer-Encoding', 'chunked'],
      ['Content-Length', '3'],
      ['X-Twice', 'a'],
      ['X-Twice', 'b'],
    ],
    body: message,
  })
  expect((await response.body.bytes()).toString()).toBe('ok')
  expect(server.requests).toEqual([
    {
      method: 'POST',
      url: '/mcp?tenant=a%20b',
      body: message.toString(),
      rawHeaders: [
        ['Host', server.url.host],
        ['Mcp-Method', 'ping'],
        ['X-Twice', 'a'],
        ['X-Twice', 'b'],
        ['User-Agent', 'mreg-http-pool'],
        ['Accept-Encoding', 'identity'],
        ['Content-Length', String(message.byteLength)],
      ].flat(),
    },
  ])
})

test('User-Agent and Accept-Encoding of the caller replace those of the pool', async () => {
  await using server = await startHttpServer((_request, response) => response.end())
  await using pool = new HttpPool({ userAgent: 'pool/1' })
  const headers = [
    ['user-agent', 'caller/2'],
    ['accept-encoding', 'gzip'],
  ] as const
  await (await pool.relay({ url: server.url, method: 'GET', headers })).body.bytes()
  await (await pool.relay({ url: server.url, method: 'GET' })).body.bytes()
  expect(server.requests.map(({ rawHeaders }) => rawHeaders.slice(2))).toEqual([
    ['user-agent', 'caller/2', 'accept-encoding', 'gzip'],
    ['User-Agent', 'pool/1', 'Accept-Encoding', 'identity'],
  ])
})

test('a POST without a body says that its length is 0, a GET says nothing', async () => {
  await using server = await startHttpServer((_request, response) => response.end())
  await using pool = new HttpPool()
  await (await pool.relay({ url: server.url, method: 'POST' })).body.bytes()
  await (await pool.relay({ url: server.url, method: 'GET' })).body.bytes()
  expect(server.requests.map(({ rawHeaders }) => rawHeaders.includes('Content-Length'))).toEqual([
    true,
    false,
  ])
})

test('status, header fields and body of the response are given as they came', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 418 Teapot\r\nX-Name: a\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nx-name: b\r\n' },
    { send: 'Content-Length: 5\r\n\r\nshort' },
  ])
  await using pool = new HttpPool()
  const response = await pool.relay({ url: new URL(upstream.url), method: 'GET' })
  expect(response.status).toBe(418)
  expect(response.headers.get('X-NAME')).toBe('a, b')
  expect(response.headers.getAll('Set-Cookie')).toEqual(['a=1', 'b=2'])
  expect(response.headers.has('x-absent')).toBe(false)
  expect(response.headers.raw.slice(0, 2)).toEqual(['X-Name', 'a'])
  expect([...response.headers][2]).toEqual(['set-cookie', 'b=2'])
  expect(response.remoteAddress).toBe('127.0.0.1')
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  expect(Buffer.concat(chunks).toString()).toBe('short')
})

test('requests one after the other use one connection', async () => {
  await using server = await startHttpServer((_request, response) => response.end('x'.repeat(200_000)))
  await using pool = new HttpPool()
  const reused: boolean[] = []
  for (let round = 0; round < 4; round += 1) {
    const response = await pool.relay({ url: server.url, method: 'POST', body: message })
    reused.push(response.reusedSocket)
    expect((await response.body.bytes()).byteLength).toBe(200_000)
  }
  expect(reused).toEqual([false, true, true, true])
  expect(server.connectionsAccepted).toBe(1)
})

test('a body of no bytes ends at once, and its connection serves again', async () => {
  await using server = await startHttpServer((request, response) => {
    if (request.method === 'DELETE') response.writeHead(204)
    else response.writeHead(200, { 'content-length': request.method === 'HEAD' ? 3 : 0 })
    response.end()
  })
  await using pool = new HttpPool()
  for (const method of ['DELETE', 'HEAD', 'POST']) {
    const response = await pool.relay({ url: server.url, method })
    expect((await response.body.bytes()).byteLength).toBe(0)
  }
  expect(server.connectionsAccepted).toBe(1)
})

test('a HEAD response may announce a length over the limit', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n' },
  ])
  await using pool = new HttpPool({ maxResponseBytes: 10 })
  const response = await pool.relay({ url: new URL(upstream.url), method: 'HEAD' })
  expect((await response.body.bytes()).byteLength).toBe(0)
})

test('F18: a redirect is a response like any other; its target is never asked', async () => {
  await using canary = await startHttpServer((_request, response) => response.end('reached'))
  await using server = await startHttpServer((_request, response) => {
    response.writeHead(307, { location: canary.url.href })
    response.end('moved')
  })
  await using pool = new HttpPool()
  const response = await pool.relay({ url: server.url, method: 'POST', body: message })
  expect(response.status).toBe(307)
  expect((await response.body.bytes()).toString()).toBe('moved')
  expect(canary.connectionsAccepted).toBe(0)
})

test('informational responses before the final one are passed over', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' },
    { send: httpResponse(200, {}, 'final') },
  ])
  await using pool = new HttpPool()
  const response = await pool.relay({ url: new URL(upstream.url), method: 'GET' })
  expect(response.status).toBe(200)
  expect((await response.body.bytes()).toString()).toBe('final')
})

test('an unasked switch of protocols is an invalid response, and its connection is closed', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n' },
  ])
  await using pool = new HttpPool()
  const failure = await failureOf(pool.relay({ url: new URL(upstream.url), method: 'GET' }))
  expect(failure).toMatchObject({ reason: 'invalid_response', requestSent: true })
  await pool.close()
  expect(pool.stats().open).toBe(0)
})

test.skipIf(!hasIpv6Loopback)('an IPv6 literal is a target like any other', async () => {
  await using six = await startHttpServer((_request, response) => response.end('six'), { host: '::1' })
  await using pool = new HttpPool()
  const response = await pool.relay({ url: six.url, method: 'GET' })
  expect((await response.body.bytes()).toString()).toBe('six')
  expect(six.requests[0]?.rawHeaders.slice(0, 2)).toEqual(['Host', six.url.host])
  expect([...pool.stats().origins.keys()]).toEqual([six.url.origin])
})

test('a body is read once', async () => {
  await using server = await startHttpServer((_request, response) => response.end('x'))
  await using pool = new HttpPool()
  const { body } = await pool.relay({ url: server.url, method: 'GET' })
  await body.bytes()
  await expect(body.bytes()).rejects.toThrow(TypeError)
})

test('a discarded body leaves its connection to the next request, a destroyed one does not', async () => {
  await using server = await startHttpServer((_request, response) => response.end('x'.repeat(30_000)))
  await using pool = new HttpPool()
  const first = await pool.relay({ url: server.url, method: 'GET' })
  first.body.discard()
  await expect.poll(() => pool.stats().idle).toBe(1)
  const second = await pool.relay({ url: server.url, method: 'GET' })
  expect(second.reusedSocket).toBe(true)
  await second.body.bytes()
})

test('discarding a body that does not end costs the connection', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n' },
    { send: Buffer.alloc(200_000) },
  ])
  await using pool = new HttpPool()
  const response = await pool.relay({ url: new URL(upstream.url), method: 'GET' })
  response.body.discard()
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
  expect(pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('leaving the loop over a body closes its connection', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst' },
  ])
  await using pool = new HttpPool()
  const response = await pool.relay({ url: new URL(upstream.url), method: 'GET' })
  for await (const chunk of response.body) {
    expect(Buffer.from(chunk).toString()).toBe('first')
    break
  }
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
  expect(pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('what cannot be requested is refused before anything is sent', async () => {
  await using server = await startHttpServer((_request, response) => response.end())
  await using pool = new HttpPool()
  const ftp = await failureOf(pool.relay({ url: new URL('ftp://127.0.0.1/'), method: 'GET' }))
  expect(ftp).toMatchObject({ reason: 'invalid_url', requestSent: false })
  const withPassword = new URL(server.url)
  withPassword.username = 'user'
  withPassword.password = 'hunter2'
  const credentials = await failureOf(pool.relay({ url: withPassword, method: 'GET' }))
  expect(credentials).toMatchObject({ reason: 'invalid_url', requestSent: false })
  expect(String(credentials)).not.toContain('hunter2')
  for (const request of [
    { method: 'GET', headers: [['x-bad', 'a\r\nx-injected: 1']] as const },
    { method: 'GET', headers: [['x bad', 'a']] as const },
    { method: 'GE T' },
  ]) {
    const failure = await failureOf(pool.relay({ url: server.url, ...request }))
    expect(failure).toMatchObject({ reason: 'invalid_request', requestSent: false })
    expect(failure.message).not.toContain('injected')
  }
  expect(server.requests).toEqual([])
  expect(pool.stats()).toMatchObject({ open: 0, active: 0, queued: 0 })
})

test('an error is recognised by its code, also from another copy of the package', () => {
  const foreign = Object.assign(new Error('x'), { code: 'ERR_HTTP_POOL' })
  expect(HttpPoolError.is(foreign)).toBe(true)
  expect(HttpPoolError.is(new Error('x'))).toBe(false)
  expect(HttpPoolError.is({ code: 'ERR_HTTP_POOL' })).toBe(false)
})
