import { once } from 'node:events'
import { connect } from 'node:net'

import { type FixtureServer, startFixtureServer } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ADMIN_KEY, InProcessGateway } from './support/in-process-gateway.ts'

const OTHER_KEY = `Bearer mreg_${'0'.repeat(24)}_${'A'.repeat(43)}`

const HOST = 'Host: localhost\r\n'

const statuses = (answer: string): readonly number[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /gu)].map(([, status]) => Number(status))

const ask = (key: string, more = ''): string => `GET /api/v1/servers HTTP/1.1\r\n${HOST}${key}${more}\r\n`

describe('what comes in', { timeout: 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  let gateway: InProcessGateway
  let server: FixtureServer

  beforeAll(async () => {
    server = await startFixtureServer()
    resources.defer(() => server.stop())
    gateway = resources.use(await InProcessGateway.start())
    const endpoints = [{ transport: 'streamable-http', url: server.url }]
    await gateway.request('POST', '/api/v1/servers', { body: { slug: 'notes', endpoints } })
  })
  afterAll(() => resources.disposeAsync())

  /** Sends bytes as they are, and gives everything that comes back until the connection is closed. */
  const send = async (bytes: string): Promise<string> => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
    socket.setEncoding('latin1')
    let answer = ''
    socket.on('data', (chunk: string) => (answer += chunk))
    socket.on('error', () => {})
    socket.write(bytes, 'latin1')
    const timer = setTimeout(() => socket.destroy(), 4000)
    await once(socket, 'close')
    clearTimeout(timer)
    return answer
  }
  const registered = async (): Promise<unknown> => {
    const { json } = await gateway.request('GET', '/api/v1/servers/notes')
    return json['slug']
  }

  const KEY = `Authorization: Bearer ${ADMIN_KEY}\r\n`
  const inner = `DELETE /api/v1/servers/notes HTTP/1.1\r\n${HOST}${KEY}\r\n`
  const post = (headers: string, body: string): string =>
    `POST /mcp/notes HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n${headers}\r\n${body}`

  // In each a second request hides, which one of two programs in a row would see and the other not.
  test.each([
    ['two lengths', post(`Content-Length: 2\r\nContent-Length: ${2 + inner.length}\r\n`, `{}${inner}`)],
    ['two lengths in one header', post(`Content-Length: 2, ${2 + inner.length}\r\n`, `{}${inner}`)],
    ['a length and chunks', post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${inner}`)],
    ['chunks and a length', post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `0\r\n\r\n${inner}`)],
    ['chunks that are called otherwise', post('Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${inner}`)],
    ['chunks, and then not', post('Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${inner}`)],
    [
      'two kinds of chunks',
      post('Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n', `0\r\n\r\n${inner}`),
    ],
    ['chunks with a blank before the colon', post('Transfer-Encoding : chunked\r\n', `0\r\n\r\n${inner}`)],
    ['chunks with a tab before them', post('Transfer-Encoding:\u000Bchunked\r\n', `0\r\n\r\n${inner}`)],
    ['chunks on a folded line', post('Transfer-Encoding:\r\n chunked\r\n', `0\r\n\r\n${inner}`)],
    ['a length below zero', post('Content-Length: -1\r\n', inner)],
    ['a length with a sign', post('Content-Length: +2\r\n', `{}${inner}`)],
    ['a length in hexadecimal', post('Content-Length: 0x2\r\n', `{}${inner}`)],
    ['a length with blanks inside', post('Content-Length: 2 2\r\n', `{}${inner}`)],
    ['a length that is no number', post('Content-Length: two\r\n', `{}${inner}`)],
    [
      'a chunk with a size that is none',
      post('Transfer-Encoding: chunked\r\n', `zz\r\n{}\r\n0\r\n\r\n${inner}`),
    ],
    [
      'a chunk with a size below zero',
      post('Transfer-Encoding: chunked\r\n', `-1\r\n{}\r\n0\r\n\r\n${inner}`),
    ],
    ['a chunk with an endless size', post('Transfer-Encoding: chunked\r\n', `${'f'.repeat(17)}\r\n${inner}`)],
    [
      'a chunk that is longer than it says',
      post('Transfer-Encoding: chunked\r\n', `1\r\n{}\r\n0\r\n\r\n${inner}`),
    ],
    ['a header without a name', post(': x\r\nContent-Length: 2\r\n', `{}${inner}`)],
    ['a header with a NUL', post('X: a\u0000b\r\nContent-Length: 2\r\n', `{}${inner}`)],
    ['a line that ends in CR alone', post('X: a\rContent-Length: 2\r\n', `{}${inner}`)],
    ['a blank line before its headers', `POST /mcp/notes HTTP/1.1\r\n ${HOST}\r\n${inner}`],
    ['no host', 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['two hosts', `GET /health HTTP/1.1\r\n${HOST}Host: evil.test\r\nConnection: close\r\n\r\n`],
    ['two hosts in one', 'GET /health HTTP/1.1\r\nHost: localhost, evil.test\r\nConnection: close\r\n\r\n'],
    ['a host with a path', 'GET /health HTTP/1.1\r\nHost: localhost/evil\r\nConnection: close\r\n\r\n'],
    ['a whole URL', `GET http://localhost/health HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`],
    ['no path at all', `GET health HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`],
    ['another version of HTTP', `GET /health HTTP/9.9\r\n${HOST}\r\n${inner}`],
  ])('S33 with %s is refused, and nothing behind it is done', async (_name, bytes) => {
    const [first, ...more] = statuses(await send(bytes))
    expect(first === 400 || first === 403 || first === 501 || first === 505).toBe(true)
    expect(more.filter((status) => status < 400)).toEqual([])
    expect(await registered()).toBe('notes')
  })

  test('S33 one after the other on a connection, each is answered for itself alone', async () => {
    const other = `Authorization: ${OTHER_KEY}\r\n`
    const answer = await send(`${ask(KEY)}${ask(other)}${ask('')}${ask(KEY, 'Connection: close\r\n')}`)
    expect(statuses(answer)).toEqual([200, 401, 401, 200])
  })

  test.each([
    ['two keys', `{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}`],
    ['another case', `{"jsonrpc":"2.0","id":1,"Method":"tools/list"}`],
    ['a long s', `{"j\u017Fonrpc":"2.0","id":1,"method":"tools/list"}`],
    ['a Kelvin sign', `{"jsonrpc":"2.0","id":1,"method":"tools/list","\u212A":1,"\u212A":2}`],
    ['an escaped name twice', `{"jsonrpc":"2.0","id":1,"method":"tools/list","\\u006dethod":"tools/call"}`],
    ['a NUL in a name', `{"jsonrpc":"2.0","id":1,"method\\u0000":"tools/list"}`],
  ])('S37 members of a message with %s do not pass for others', async (_name, text) => {
    const before = server.executions.length
    const answer = await fetch(`${gateway.url}/mcp/notes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: text,
    })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { code: -32_600 } })
    expect(server.executions.length).toBe(before)
  })

  const METHODS = ['POST', 'GET', 'DELETE', 'OPTIONS'] as const
  const PATHS = ['/mcp', '/mcp/notes', '/mcp/sets/some', '/t/default/mcp/notes', '/api/v1/servers', '/health']

  test('S1 S2 a foreign page or name gets nowhere, by no method and on no path', async () => {
    for (const path of PATHS)
      for (const method of METHODS)
        for (const [name, value] of [
          ['origin', 'https://evil.test'],
          ['origin', 'null'],
          ['origin', 'http://localhost.evil.test'],
          ['origin', 'http://localhost:1@evil.test'],
        ] as const) {
          const { headers, status } = await gateway.request(method, path, {
            headers: { [name]: value, accept: 'text/event-stream' },
          })
          expect([path, method, value, status]).toEqual([path, method, value, 403])
          expect(headers.get('access-control-allow-origin')).toBeNull()
          expect(headers.get('access-control-allow-credentials')).toBeNull()
          expect(headers.get('vary')).toMatch(/origin/iu)
        }
    for (const path of PATHS)
      for (const method of METHODS)
        expect(
          statuses(
            await send(`${method} ${path} HTTP/1.1\r\nHost: evil.test\r\n${KEY}Connection: close\r\n\r\n`),
          ),
        ).toEqual([403])
  })

  test('S4 S5 no cookie lets anybody in, and no page may send its own', async () => {
    const page = { origin: gateway.url, cookie: `key=${ADMIN_KEY}; authorization=Bearer ${ADMIN_KEY}` }
    const answer = await gateway.request('GET', '/api/v1/servers', { key: undefined, headers: page })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    expect(answer.headers.get('set-cookie')).toBeNull()
    // What a page can send without asking first is none of what changes anything.
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
      expect(
        (await gateway.request('POST', '/api/v1/servers', { headers: { 'content-type': type }, body: {} }))
          .status,
      ).toBe(415)
  })

  // The last: from here on this machine is counted.
  test('S18 S35 who tries key after key is told to wait, whatever it says of where it is; a good key still works', async () => {
    const answers: number[] = []
    let last: Awaited<ReturnType<typeof gateway.request>> | undefined
    for (let index = 0; index < 400 && last?.status !== 429; index += 1) {
      last = await gateway.request('GET', '/api/v1/servers', {
        key: `mreg_${index.toString(16).padStart(24, '0')}_${'A'.repeat(43)}`,
        headers: { 'x-forwarded-for': `203.0.113.${index % 256}`, 'x-real-ip': `203.0.113.${index % 256}` },
      })
      answers.push(last.status)
    }
    expect(new Set(answers)).toEqual(new Set([401, 429]))
    expect(last?.headers.get('retry-after')).toMatch(/^\d+$/u)
    expect(last?.json).toMatchObject({ code: 'too_many_attempts', status: 429 })
    expect((await gateway.request('GET', '/api/v1/servers')).status).toBe(200)
    // Who shows nothing is only asked to.
    expect((await gateway.request('GET', '/api/v1/servers', { key: undefined })).status).toBe(401)
  })
})
