import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type OpenGateway, openGateway } from './support/open-gateway.ts'

const HEAD = 'POST /mcp/nobody HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'

/** How a client takes its time: what it sends at once, and what it goes on with, a byte now and then. */
const SLOW: readonly (readonly [string, string, string])[] = [
  ['sends nothing at all', '', ''],
  ['sends its headers a byte at a time', 'POST /mcp/nobody HTTP/1.1\r\nHost: loc', 'alhost'.repeat(100)],
  ['never ends its headers', HEAD, 'X-More: more\r\n'.repeat(100)],
  ['sends its body a byte at a time', `${HEAD}Content-Length: 1000\r\n\r\n`, ' '.repeat(1000)],
  [
    'sends its chunks a byte at a time',
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n`,
    '1\r\n \r\n'.repeat(100),
  ],
  ['stops in the middle of its body', `${HEAD}Content-Length: 1000\r\n\r\n{"jsonrpc"`, ''],
]

/** Connections of each kind at once. */
const EACH = 20

describe('clients that take their time (F30)', () => {
  let gateway: OpenGateway
  beforeAll(async () => {
    gateway = await openGateway({ timeouts: { clientHeadersMs: 300, clientBodyMs: 600 } })
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const drip = (
    atOnce: string,
    later: string,
  ): { readonly socket: Socket; readonly answer: Promise<string> } => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.write(atOnce)
    let sent = 0
    const timer = setInterval(() => {
      if (sent < later.length) socket.write(later[sent] ?? '')
      sent += 1
    }, 50)
    socket.once('close', () => clearInterval(timer))
    return { socket, answer: text(socket).catch(() => '') }
  }

  test.concurrent.each(SLOW)('one that %s is cut off when its time is over', async (_what, atOnce, later) => {
    const { socket, answer } = drip(atOnce, later)
    await once(socket, 'close')
    expect(await answer).toMatch(/^($|HTTP\/1\.1 408 )/u)
  })

  test('are cut off all, and nobody else is kept waiting', async () => {
    const slow = SLOW.flatMap(([, atOnce, later]) => Array.from({ length: EACH }, () => drip(atOnce, later)))
    const closed = Promise.all(slow.map(({ socket }) => once(socket, 'close')))
    for (let count = 0; count < 20; count += 1)
      expect((await fetch(`${gateway.url}/health`)).status).toBe(200)
    expect(await closed).toHaveLength(SLOW.length * EACH)
    expect((await gateway.api('GET', '/servers')).status).toBe(200)
  })
})
