import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

import { httpResponse } from '@mreg/testing'
import { parseJsonObject } from '@mreg/upstream'
import { expect, test } from 'vitest'

import { sendModern } from './support/modern-exchanges.ts'
import { openProxy, registered } from './support/open-proxy.ts'

const responseOf = (id: unknown, text: string): Buffer => {
  const message = {
    jsonrpc: '2.0',
    id,
    result: { resultType: 'complete', content: [{ type: 'text', text }] },
  }
  return httpResponse(200, { 'content-type': 'application/json' }, JSON.stringify(message))
}

test("S22: a response that a server sends before it has the request is nobody's answer", async () => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      const request = bytes.toString()
      const { id } = parseJsonObject(Buffer.from(request.slice(request.indexOf('\r\n\r\n') + 4))) ?? {}
      socket.write(responseOf(id, 'asked for'))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  await using open = openProxy({ era: { legacy: false, modern: true } })
  open.register(registered(`http://127.0.0.1:${address.port}/mcp`))
  const call = async (): Promise<unknown> => (await sendModern(open, 'tools/call', { name: 'x' })).last

  const asked = { id: 1, result: { content: [{ text: 'asked for' }] } }
  expect(await call()).toMatchObject(asked)
  expect(sockets.size).toBe(1)
  for (const socket of sockets) {
    const closed = once(socket, 'close')
    socket.write(responseOf(1, 'not asked for'))
    // The gateway has nothing more to do with a connection on which that comes.
    await closed
  }
  expect(await call()).toMatchObject(asked)
  expect(sockets.size).toBe(2)
  server.close()
  for (const socket of sockets) socket.destroy()
})
