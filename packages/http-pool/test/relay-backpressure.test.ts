import { expect, test } from 'vitest'

import { HttpPool } from '../src/index.ts'
import { startHttpServer } from './support/http-server.ts'

const TOTAL_BYTES = 64 * 1_048_576

test('F27: a reader that pauses pauses the server; nothing is lost when it goes on', async () => {
  let writtenBytes = 0
  await using server = await startHttpServer((_request, response) => {
    const block = Buffer.alloc(65_536, 'x')
    const more = (): void => {
      while (writtenBytes < TOTAL_BYTES && !response.destroyed) {
        writtenBytes += block.byteLength
        if (!response.write(block)) return void response.once('drain', more)
      }
      response.end()
    }
    more()
  })
  await using pool = new HttpPool({ timeouts: { idleMs: 300 } })
  const response = await pool.relay({ url: server.url, method: 'GET', maxResponseBytes: TOTAL_BYTES })
  const reader = response.body[Symbol.asyncIterator]()
  let receivedBytes = (await reader.next()).value?.byteLength ?? 0

  let before = -1
  await expect
    .poll(
      () => {
        const isStill = before === writtenBytes
        before = writtenBytes
        return isStill
      },
      { interval: 200, timeout: 5_000 },
    )
    .toBe(true)
  // What is on the way: the socket buffers of the kernel and at most a few blocks in both processes.
  expect(writtenBytes).toBeLessThan(TOTAL_BYTES / 2)
  // A pause of the reader is none of the server's: the idle time-out stands still.
  await new Promise((resolve) => setTimeout(resolve, 500))

  for (;;) {
    const { done, value } = await reader.next()
    if (done === true) break
    receivedBytes += value.byteLength
  }
  expect(receivedBytes).toBe(TOTAL_BYTES)
  expect(pool.stats()).toMatchObject({ open: 1, active: 0 })
})

test('a small body is read ahead, so that its connection is free before anybody reads it', async () => {
  await using server = await startHttpServer((_request, response) => response.end('small'))
  await using pool = new HttpPool()
  const response = await pool.relay({ url: server.url, method: 'GET' })
  await expect.poll(() => pool.stats()).toMatchObject({ idle: 1, active: 0 })
  const chunks: string[] = []
  for await (const chunk of response.body) chunks.push(Buffer.from(chunk).toString())
  expect(chunks).toEqual(['small'])
})
