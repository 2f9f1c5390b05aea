import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'

import type { Answer } from '@mreg/proxy'
import { afterEach, expect, test } from 'vitest'

import { writeAnswer } from '../src/http/write-answer.ts'
import { portOf } from './port-of.ts'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** A server that answers everything with `answer`; gives its port, what became of the writing, and whether all of it was sent. */
const serve = async (
  answer: Answer,
  unreadMs?: number,
): Promise<{ readonly port: number; readonly written: Promise<void>; readonly closed: Promise<boolean> }> => {
  const { promise: written, resolve, reject } = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<boolean>()
  server = createServer((_request, response) => {
    response.once('close', () => closed.resolve(response.writableFinished))
    writeAnswer(response, answer, [['x-extra', 'yes']], unreadMs).then(resolve, reject)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: portOf(server), written, closed: closed.promise }
}

const chunkOf = (length: number): Uint8Array => new Uint8Array(length).fill(97)

test('a whole answer has its length and all headers', async () => {
  const body = Buffer.from('{"a":1}')
  const { port } = await serve({
    kind: 'complete',
    status: 201,
    headers: [['content-type', 'application/json']],
    body,
  })
  const response = await fetch(`http://127.0.0.1:${port}/`)
  expect(response.status).toBe(201)
  expect(response.headers.get('content-length')).toBe('7')
  expect(response.headers.get('x-extra')).toBe('yes')
  expect(await response.json()).toEqual({ a: 1 })
})

test('a stream is written as it comes', async () => {
  const { promise: more, resolve } = Promise.withResolvers<void>()
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('first')
    await more
    yield Buffer.from('second')
  }
  const { port, written } = await serve({
    kind: 'stream',
    status: 200,
    headers: [['content-type', 'text/event-stream']],
    chunks: chunks(),
  })
  const response = await fetch(`http://127.0.0.1:${port}/`)
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  expect((await reader?.read())?.value).toBe('first')
  resolve()
  expect((await reader?.read())?.value).toBe('second')
  expect((await reader?.read())?.done).toBe(true)
  await written
})

test('a stream is pulled to its end when the client goes away in the middle', async () => {
  const pulled: number[] = []
  const { promise: gone, resolve } = Promise.withResolvers<void>()
  async function* chunks(): AsyncGenerator<Uint8Array> {
    pulled.push(1)
    yield chunkOf(10)
    await gone
    for (const part of [2, 3]) {
      pulled.push(part)
      yield chunkOf(10)
    }
  }
  const { port, written } = await serve({ kind: 'stream', status: 200, headers: [], chunks: chunks() })
  const socket = connect(port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'data')
  socket.destroy()
  setTimeout(resolve, 50)
  await written
  expect(pulled).toEqual([1, 2, 3])
})

test('F27: a client that does not read holds the stream back, so that nothing piles up', async () => {
  const LIMIT = 1000
  let pulled = 0
  async function* chunks(): AsyncGenerator<Uint8Array> {
    while (pulled < LIMIT) {
      pulled += 1
      yield chunkOf(1024 * 1024)
    }
  }
  const { port } = await serve({ kind: 'stream', status: 200, headers: [], chunks: chunks() })
  const socket = connect(port, '127.0.0.1')
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  let before = -1
  // Until the buffers of both sides are full and nothing moves any more.
  while (pulled !== before) {
    before = pulled
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  expect(pulled).toBeGreaterThan(0)
  expect(pulled).toBeLessThan(LIMIT / 10)
  socket.destroy()
})

/** More than the buffers of both sides hold. */
const LARGE = 50_000_000

const WAYS: readonly [string, () => Answer][] = [
  ['a whole answer', () => ({ kind: 'complete', status: 200, headers: [], body: chunkOf(LARGE) })],
  [
    'a stream',
    () => ({ kind: 'stream', status: 200, headers: [], chunks: chunksOf(chunkOf(LARGE), chunkOf(9)) }),
  ],
]

async function* chunksOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

test.each(WAYS)(
  'F27: a client that reads nothing of %s is cut off when its time is over',
  async (_what, answer) => {
    const { port, written, closed } = await serve(answer(), 200)
    const socket = connect(port, '127.0.0.1')
    socket.pause()
    socket.on('error', () => {})
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    expect(await closed).toBe(false)
    await written
    socket.destroy()
  },
)

test.each(WAYS)('F27: a client that reads %s slowly gets all of it', async (_what, answer) => {
  const { port, closed } = await serve(answer(), 1000)
  const socket = connect(port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  let received = 0
  for await (const part of socket) {
    const before = received
    received += part.length
    // Some ten rests, which are longer together than a client may rest.
    if (Math.floor(received / 5_000_000) > Math.floor(before / 5_000_000))
      await new Promise((resolve) => setTimeout(resolve, 150))
  }
  expect(received).toBeGreaterThanOrEqual(LARGE)
  expect(await closed).toBe(true)
})
