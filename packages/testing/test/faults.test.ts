import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { startFaultProxy, type FaultProxy } from '../src/faults/fault-proxy.ts'
import {
  httpResponse,
  startScriptedUpstream,
  type ScriptedUpstream,
} from '../src/faults/scripted-upstream.ts'
import { waitUntil } from '../src/processes/wait-until.ts'

let upstream: ScriptedUpstream
let proxy: FaultProxy

const ok = httpResponse(200, { 'content-type': 'text/plain' }, 'fine')

beforeEach(async () => {
  upstream = await startScriptedUpstream(['read-request', { send: ok }, 'read-request', { send: ok }])
  proxy = await startFaultProxy({ port: upstream.port })
})

afterEach(async () => {
  await proxy.stop()
  await upstream.stop()
})

const ask = async (port: number): Promise<string> => {
  const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'question' })
  return response.text()
}

/** The code of the socket error at the bottom of what `fetch` throws. */
const failureOf = async (attempt: Promise<unknown>): Promise<unknown> => {
  try {
    await attempt
  } catch (error) {
    return error instanceof Error && error.cause instanceof Error && 'code' in error.cause
      ? error.cause.code
      : error
  }
  throw new Error('it did not fail')
}

test('a scripted upstream reads a whole request, answers what it was told and remembers the request', async () => {
  expect(await ask(upstream.port)).toBe('fine')
  expect(upstream.requests).toHaveLength(1)
  expect(String(upstream.requests[0])).toMatch(/^POST \/ HTTP\/1\.1\r\n[^]*\r\n\r\nquestion$/)
})

test('a scripted upstream resets where the script says so', async () => {
  upstream.play(['read-request', { send: 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhal' }, 'reset'])
  expect(await failureOf(ask(upstream.port))).toBe('ECONNRESET')
})

test('a scripted upstream can play another script for each connection', async () => {
  upstream.play((connection) =>
    connection === 1 ? ['reset'] : ['read-request', { sleepMs: 1 }, { send: ok }, 'end'],
  )
  expect(await failureOf(ask(upstream.port))).toBe('ECONNRESET')
  expect(await ask(upstream.port)).toBe('fine')
  expect(upstream.connectionsAccepted).toBe(2)
})

test('a scripted upstream that is told nothing accepts and stays silent', async () => {
  upstream.play([])
  const socket = connect(upstream.port, '127.0.0.1')
  await once(socket, 'connect')
  await waitUntil('the connection to be seen', () => upstream.connectionsOpen === 1)
  expect(socket.readableLength).toBe(0)
  socket.destroy()
  await waitUntil('the connection to be gone', () => upstream.connectionsOpen === 0)
})

test('the proxy passes bytes both ways', async () => {
  expect(await ask(proxy.port)).toBe('fine')
  expect(proxy.connectionsAccepted).toBe(1)
})

test('the proxy passes a big body whole, at the pace of the slower side', async () => {
  const body = Buffer.alloc(8 * 1024 * 1024, 'x')
  await using server = createServer((_request, response) => response.end(body))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  await using bigProxy = await startFaultProxy({ port: address.port })
  const response = await fetch(`http://127.0.0.1:${bigProxy.port}/`, { headers: { connection: 'close' } })
  expect((await response.arrayBuffer()).byteLength).toBe(body.byteLength)
})

test('a paused proxy accepts connections and holds the bytes until it is resumed', async () => {
  proxy.pause()
  const answer = ask(proxy.port)
  await waitUntil('the upstream to be connected', () => upstream.connectionsOpen === 1)
  expect(upstream.requests).toHaveLength(0)
  proxy.resume()
  expect(await answer).toBe('fine')
})

test('a reset reaches both sides', async () => {
  upstream.play(['read-request'])
  const failure = failureOf(ask(proxy.port))
  await waitUntil('the request to arrive', () => upstream.requests.length === 1)
  proxy.reset()
  expect(await failure).toBe('ECONNRESET')
  await waitUntil('the upstream to lose the connection', () => upstream.connectionsOpen === 0)
})

test('a proxy that refuses keeps its open connections, and accepts again on the same port', async () => {
  const { port } = proxy
  expect(await ask(port)).toBe('fine')
  await proxy.refuse()
  const fresh = connect(port, '127.0.0.1')
  const [error] = await once(fresh, 'error')
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  expect(proxy.connectionsOpen).toBe(1)
  await proxy.accept()
  expect(proxy.port).toBe(port)
  expect(await ask(port)).toBe('fine')
})

test('latency holds each chunk back', async () => {
  proxy.setLatency(30)
  const startedAt = performance.now()
  expect(await ask(proxy.port)).toBe('fine')
  // One chunk each way, at least; a timer may fire a millisecond early.
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(58)
})
