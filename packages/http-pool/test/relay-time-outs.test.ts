import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

import { startBlackHole, startScriptedUpstream } from '@mreg/testing'
import { expect, test } from 'vitest'

import { HttpPool } from '../src/index.ts'
import { failureOf } from './support/failure-of.ts'

const body = Buffer.from('{}')

test('F2: a black hole is given up at the connect time-out, with certainty that nothing was sent', async () => {
  await using hole = await startBlackHole()
  await using pool = new HttpPool({ timeouts: { connectMs: 200 } })
  const failure = await failureOf(pool.relay({ url: hole.url, method: 'POST', body }))
  expect(failure).toMatchObject({ reason: 'connect_timeout', requestSent: false, origin: hole.url.origin })
  await expect.poll(() => pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('F4: a resolver that never answers is given up at the connect time-out', async () => {
  await using pool = new HttpPool({ lookup: () => undefined, timeouts: { connectMs: 100 } })
  const failure = await failureOf(pool.relay({ url: new URL('http://silent.test/'), method: 'POST', body }))
  expect(failure).toMatchObject({ reason: 'connect_timeout', requestSent: false })
  await expect.poll(() => pool.stats().open).toBe(0)
})

test('F5: a TLS handshake that stalls is given up at the connect time-out', async () => {
  await using upstream = await startScriptedUpstream()
  await using pool = new HttpPool({ timeouts: { connectMs: 100 } })
  const url = new URL(`https://127.0.0.1:${upstream.port}/`)
  const failure = await failureOf(pool.relay({ url, method: 'POST', body }))
  expect(failure).toMatchObject({ reason: 'connect_timeout', requestSent: false })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

test('F6: a server that takes the request and sends no head is given up, and its connection destroyed', async () => {
  await using upstream = await startScriptedUpstream(['read-request'])
  await using pool = new HttpPool({ timeouts: { headersMs: 150 } })
  const failure = await failureOf(pool.relay({ url: new URL(upstream.url), method: 'POST', body }))
  expect(failure).toMatchObject({ reason: 'headers_timeout', requestSent: true })
  expect(failure.message).toContain('150 ms')
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
  expect(pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('F6: half a head is no head', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 200 OK\r\nX-Slow: ' },
  ])
  await using pool = new HttpPool({ timeouts: { headersMs: 150 } })
  const failure = await failureOf(pool.relay({ url: new URL(upstream.url), method: 'POST', body }))
  expect(failure.reason).toBe('headers_timeout')
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

test('F7: a body that stalls fails at the idle time-out, however it is read', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it' },
  ])
  await using pool = new HttpPool({ timeouts: { idleMs: 120 } })
  const whole = await pool.relay({ url: new URL(upstream.url), method: 'POST', body })
  expect(await failureOf(whole.body.bytes())).toMatchObject({ reason: 'idle_timeout', requestSent: true })

  const chunked = await pool.relay({ url: new URL(upstream.url), method: 'POST', body })
  const chunks: string[] = []
  const reading = (async () => {
    for await (const chunk of chunked.body) chunks.push(Buffer.from(chunk).toString())
  })()
  expect(await failureOf(reading)).toMatchObject({ reason: 'idle_timeout' })
  expect(chunks).toEqual(['half of it'])
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
  expect(pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('the idle time-out counts from the last byte, so a slow body that keeps coming is complete', async () => {
  const piece = { send: 'x' }
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n' },
    ...Array.from({ length: 6 }, () => [{ sleepMs: 60 }, piece]).flat(),
  ])
  await using pool = new HttpPool({ timeouts: { idleMs: 250 } })
  const response = await pool.relay({ url: new URL(upstream.url), method: 'GET' })
  expect((await response.body.bytes()).toString()).toBe('xxxxxx')
})

test('F10: a body of one byte at a time is ended by the total time-out', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n' },
    ...Array.from({ length: 200 }, () => [{ send: '.' }, { sleepMs: 20 }]).flat(),
  ])
  await using pool = new HttpPool({ timeouts: { idleMs: 5_000, totalMs: 300 } })
  const response = await pool.relay({ url: new URL(upstream.url), method: 'POST', body })
  const failure = await failureOf(response.body.bytes())
  expect(failure).toMatchObject({ reason: 'total_timeout', requestSent: true })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

test('the total time-out also covers the wait for the head', async () => {
  await using upstream = await startScriptedUpstream(['read-request'])
  await using pool = new HttpPool()
  const failure = await failureOf(
    pool.relay({ url: new URL(upstream.url), method: 'POST', body, timeouts: { totalMs: 100 } }),
  )
  expect(failure).toMatchObject({ reason: 'total_timeout', requestSent: true })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

test('a server that never reads is given up, with the request counted as sent', async () => {
  const sockets: Socket[] = []
  const server = createServer({ pauseOnConnect: true }, (socket) =>
    sockets.push(socket.on('error', () => undefined)),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  await using pool = new HttpPool({ timeouts: { headersMs: 150 } })
  const failure = await failureOf(
    pool.relay({
      url: new URL(`http://127.0.0.1:${address.port}`),
      method: 'POST',
      body: Buffer.alloc(20_000_000),
    }),
  )
  expect(failure).toMatchObject({ reason: 'headers_timeout', requestSent: true })
  await expect.poll(() => pool.stats().open).toBe(0)
  for (const socket of sockets) socket.destroy()
  server.close()
})

test('an abort ends a request wherever it is, with the reason of the signal as its cause', async () => {
  await using upstream = await startScriptedUpstream(['read-request'])
  await using pool = new HttpPool()
  const url = new URL(upstream.url)
  const early = await failureOf(
    pool.relay({ url, method: 'GET', signal: AbortSignal.abort(new Error('too late')) }),
  )
  expect(early).toMatchObject({ reason: 'aborted', requestSent: false, cause: new Error('too late') })
  expect(upstream.connectionsAccepted).toBe(0)

  const controller = new AbortController()
  const waiting = failureOf(pool.relay({ url, method: 'GET', signal: controller.signal }))
  await expect.poll(() => upstream.requests.length).toBe(1)
  controller.abort(new Error('changed my mind'))
  expect(await waiting).toMatchObject({
    reason: 'aborted',
    requestSent: true,
    cause: new Error('changed my mind'),
  })

  upstream.play(['read-request', { send: 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart' }])
  const inBody = new AbortController()
  const response = await pool.relay({ url, method: 'GET', signal: inBody.signal })
  const reading = failureOf(response.body.bytes())
  inBody.abort()
  expect(await reading).toMatchObject({ reason: 'aborted', requestSent: true })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
  expect(pool.stats()).toMatchObject({ open: 0, active: 0, queued: 0 })
})

test('a signal that fires after the response is complete changes nothing', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' },
  ])
  await using pool = new HttpPool()
  const controller = new AbortController()
  const response = await pool.relay({ url: new URL(upstream.url), method: 'GET', signal: controller.signal })
  await expect.poll(() => pool.stats().idle).toBe(1)
  controller.abort()
  expect((await response.body.bytes()).toString()).toBe('ok')
  expect(pool.stats()).toMatchObject({ open: 1, idle: 1, active: 0 })
})
