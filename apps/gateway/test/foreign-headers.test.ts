import { once } from 'node:events'
import { request as startRequest, type IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'

import {
  answerJson,
  eventOf,
  type HttpUpstream,
  startHttpUpstream,
  startScriptedUpstream,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ADMIN_KEY, InProcessGateway } from './support/in-process-gateway.ts'
import { INITIALIZE, MCP_HEADERS } from './support/initialize.ts'

/** What a server says of itself, and what a browser would obey if it came from the gateway. */
const HEADERS_OF_A_SERVER = {
  'access-control-allow-credentials': 'true',
  'access-control-allow-origin': 'https://canary.example',
  'content-security-policy': 'default-src canary.example',
  link: '<https://canary.example>; rel=preload',
  location: 'https://canary.example/',
  refresh: '0; url=https://canary.example',
  server: 'canary',
  'set-cookie': 'session=canary; Path=/',
  'strict-transport-security': 'max-age=1; canary',
  'www-authenticate': 'Bearer resource_metadata="https://canary.example"',
  'x-powered-by': 'canary',
}

/** The only headers of a request that a server may be told, whoever asks. */
const KNOWN =
  /^(accept|accept-encoding|connection|content-length|content-type|host|last-event-id|mcp-[a-z-]+|user-agent)$/u

describe('between a client and a server', () => {
  let upstream: HttpUpstream
  let gateway: InProcessGateway

  beforeAll(async () => {
    upstream = await startHttpUpstream(({ method, rpcId: id, rpcMethod }, response) => {
      const result = rpcMethod === 'initialize' ? INITIALIZED : { content: [] }
      const message = id === undefined ? ANNOUNCEMENT : { jsonrpc: '2.0', id, result }
      if (method === 'GET' || rpcMethod === 'tools/call') {
        response.writeHead(200, { 'content-type': 'text/event-stream', ...HEADERS_OF_A_SERVER })
        response.end(eventOf(message))
      } else if (id === undefined) response.writeHead(202, HEADERS_OF_A_SERVER).end()
      else answerJson(response, message, { headers: HEADERS_OF_A_SERVER })
    })
    gateway = await InProcessGateway.start()
    const endpoints = [{ transport: 'streamable-http', url: upstream.url }]
    const body = { slug: 'notes', endpoints }
    expect((await gateway.request('POST', '/api/v1/servers', { body })).status).toBe(201)
  })

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await upstream.stop()
  })

  const send = async (
    method: string,
    path: string,
    body: object | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string }> => {
    const request = startRequest(`${gateway.url}${path}`, {
      method,
      headers: { ...MCP_HEADERS, 'content-type': 'application/json', ...headers },
    })
    request.end(body === undefined ? undefined : JSON.stringify(body))
    const [response] = await once(request, 'response')
    return { status: response.statusCode, headers: response.headers, text: await text(response) }
  }

  const MESSAGES = [
    ['POST', { jsonrpc: '2.0', method: 'notifications/initialized' }],
    ['POST', { jsonrpc: '2.0', id: 1, method: 'tools/list' }],
    ['POST', { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'x', arguments: {} } }],
    ['GET', undefined],
  ] as const

  test('what a client says of itself, of hops and of other addresses stays here (S14, S29, S34)', async () => {
    await using elsewhere = await startScriptedUpstream()
    const address = `http://127.0.0.1:${elsewhere.port}/canary`
    const own = {
      authorization: 'Bearer canary',
      connection: 'close, authorization, mcp-session-id, x-canary',
      cookie: 'canary=1',
      forwarded: 'for=canary;host=canary.example',
      'keep-alive': 'canary',
      'mcp-server-url': address,
      'mcp-upstream': address,
      'proxy-authorization': 'Basic canary',
      te: 'trailers',
      upgrade: 'canary',
      via: '1.1 canary',
      'x-canary': '1',
      'x-forwarded-for': '10.0.0.1, canary',
      'x-forwarded-host': `127.0.0.1:${elsewhere.port}`,
      'x-forwarded-proto': 'canary',
      'x-mreg-upstream': address,
      'x-original-url': '/canary',
      'x-rewrite-url': '/canary',
      'x-target-url': address,
    }
    const before = upstream.requests.length
    const opened = await send('POST', '/mcp/notes', INITIALIZE, own)
    expect(opened.status).toBe(200)
    const session = { 'mcp-session-id': String(opened.headers['mcp-session-id']) }
    for (const [method, body] of MESSAGES)
      expect((await send(method, '/mcp/notes', body, { ...own, ...session })).status).toBeLessThan(300)
    const received = upstream.requests.slice(before)
    expect(received.length).toBeGreaterThan(MESSAGES.length)
    for (const { headers, target } of received) {
      expect(target).toBe('/mcp')
      expect(Object.keys(headers).filter((name) => !KNOWN.test(name))).toEqual([])
      expect(JSON.stringify(headers)).not.toContain('canary')
    }
    expect(elsewhere.connectionsAccepted).toBe(0)
  })

  test('S34: of the headers of a server a client gets none but those of the protocol', async () => {
    const opened = await send('POST', '/mcp/notes', INITIALIZE, {})
    const session = { 'mcp-session-id': String(opened.headers['mcp-session-id']) }
    const answers = [opened]
    for (const [method, body] of MESSAGES) answers.push(await send(method, '/mcp/notes', body, session))
    expect(answers.map(({ status }) => status)).toEqual([200, 202, 200, 200, 200])
    for (const { headers } of answers) {
      expect(JSON.stringify(headers)).not.toContain('canary')
      for (const name of ['set-cookie', 'access-control-allow-origin', 'strict-transport-security'])
        expect(headers[name]).toBeUndefined()
    }
  })

  test.each([
    '/mcp/notes%2f..%2fx',
    '/mcp/..%2fapi%2fv1%2fservers',
    '/mcp/notes%0d%0aX-Injected:%20yes',
    '/mcp/%00',
  ])('S30: %s is the path of no server', async (path) => {
    const before = upstream.requests.length
    const answer = await send('POST', path, INITIALIZE, {})
    expect(answer.status).toBe(404)
    expect(answer.headers['x-injected']).toBeUndefined()
    expect(upstream.requests.length).toBe(before)
  })

  test.each([
    ['gzip', gzipSync(Buffer.alloc(5_000_000, 32))],
    ['br', brotliCompressSync(Buffer.alloc(5_000_000, 32))],
    ['deflate, gzip', gzipSync(deflateSync(JSON.stringify(INITIALIZE)))],
    ['identity, x-canary', Buffer.from(JSON.stringify(INITIALIZE))],
  ])('S43: a body that says it is packed (%s) is refused, and never unpacked', async (encoding, body) => {
    const before = upstream.requests.length
    for (const path of ['/mcp/notes', '/api/v1/servers']) {
      const answer = await fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: {
          ...MCP_HEADERS,
          authorization: `Bearer ${ADMIN_KEY}`,
          'content-type': 'application/json',
          'content-encoding': encoding,
        },
        body,
      })
      expect(answer.status).toBe(415)
      expect(answer.headers.get('accept-encoding')).toBe('identity')
      expect(await answer.text()).toContain('unsupported_content_encoding')
    }
    expect(upstream.requests.length).toBe(before)
  })

  test('S43: a body that says it is not packed is read', async () => {
    const answer = await send('POST', '/mcp/notes', INITIALIZE, { 'content-encoding': 'Identity' })
    expect(answer.status).toBe(200)
  })
})

const ANNOUNCEMENT = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' }

const INITIALIZED = {
  protocolVersion: '2025-11-25',
  capabilities: { tools: { listChanged: true } },
  serverInfo: { name: 'x', version: '1' },
}
