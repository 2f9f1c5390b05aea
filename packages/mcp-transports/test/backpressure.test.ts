import { once } from 'node:events'
import { createServer } from 'node:http'

import { encodeSseEvent } from '@mreg/mcp-wire'
import { expect, test } from 'vitest'

import { asStream, ping } from './support/messages.ts'
import { openTransport } from './support/open-transport.ts'

const EVENTS = 800
const event = encodeSseEvent({ data: JSON.stringify({ text: 'x'.repeat(65_536) }) })

test('F27: a stream is read no faster than its messages are taken, and loses none', async () => {
  let written = 0
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const more = (): void => {
      while (written < EVENTS && !response.destroyed) {
        written += 1
        if (!response.write(event)) return void response.once('drain', more)
      }
      response.end()
    }
    more()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  await using open = openTransport(`http://127.0.0.1:${address.port}/mcp`)
  const stream = asStream(await open.transport.send({ message: ping }))
  const reader = stream.messages[Symbol.asyncIterator]()
  await reader.next()

  let before = -1
  await expect
    .poll(
      () => {
        const isStill = before === written
        before = written
        return isStill
      },
      { interval: 200, timeout: 5_000 },
    )
    .toBe(true)
  expect(written).toBeLessThan(EVENTS / 2)

  let taken = 1
  while ((await reader.next()).done !== true) taken += 1
  expect(taken).toBe(EVENTS)
  server.close()
})
