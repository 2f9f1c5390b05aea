import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

import type { Principal } from '@mreg/core'
import { httpResponse } from '@mreg/testing'
import { type JsonObject, parseJsonObject } from '@mreg/upstream'
import { expect, test } from 'vitest'

import { callOf, initialize } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { type OpenProxy, openProxy, registered } from './support/open-proxy.ts'

const responseOf = (id: unknown, text: string): Buffer => {
  const message = {
    jsonrpc: '2.0',
    id,
    result: { resultType: 'complete', protocolVersion: '2025-11-25', content: [{ type: 'text', text }] },
  }
  return httpResponse(200, { 'content-type': 'application/json' }, JSON.stringify(message))
}

const principal = (id: string): Principal => ({ id, tenantId: 'default', role: 'user', kind: 'key' })

type Call = () => Promise<JsonObject>

const callers: Readonly<Record<'legacy' | 'modern', (open: OpenProxy, id: string) => Promise<Call>>> = {
  legacy: async ({ proxy }, id) => {
    const { ask } = await initialize(proxy, { principal: principal(id) })
    return async () => (await ask(callOf('x'))).last
  },
  modern: async (open, id) => async () =>
    (await sendModern(open, 'tools/call', { name: 'x' }, { principal: principal(id) })).last,
}

test.each(['legacy', 'modern'] as const)(
  "F20, S22: a response that a server of the %s era sends before it has the request is nobody's answer",
  async (era) => {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('data', (bytes: Buffer) => {
        const request = bytes.toString()
        const { id } = parseJsonObject(Buffer.from(request.slice(request.indexOf('\r\n\r\n') + 4))) ?? {}
        socket.write(id === undefined ? httpResponse(202, {}) : responseOf(id, 'asked for'))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
    await using open = openProxy({ era: { legacy: era === 'legacy', modern: era === 'modern' } })
    open.register(registered(`http://127.0.0.1:${address.port}/mcp`))
    const [ann, bob] = [await callers[era](open, 'ann'), await callers[era](open, 'bob')]

    const asked = { id: 1, result: { content: [{ text: 'asked for' }] } }
    expect(await ann()).toMatchObject(asked)
    const known = sockets.size
    for (const socket of sockets) {
      if (socket.destroyed) continue
      const closed = once(socket, 'close')
      socket.write(responseOf(1, 'not asked for'))
      // The gateway has nothing more to do with a connection on which that comes.
      await closed
    }
    expect(await bob()).toMatchObject(asked)
    expect(await ann()).toMatchObject(asked)
    expect(sockets.size).toBeGreaterThan(known)
    server.close()
    for (const socket of sockets) socket.destroy()
  },
)
