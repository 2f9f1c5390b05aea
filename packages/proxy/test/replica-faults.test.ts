import { randomUUID } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type TlsOptions } from 'node:tls'
import { brotliCompressSync } from 'node:zlib'

import {
  eventOf,
  expiredCertificate,
  freePort,
  goodCertificate,
  type HttpUpstreamHandler,
  type ScriptedUpstream,
  startScriptedUpstream,
} from '@mreg/testing'
import { isJsonObject, type JsonObject } from '@mreg/upstream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { errorOf, initialize, requestOf } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { type OpenProxy, openProxy, type ProxyOptions, registered } from './support/open-proxy.ts'
import { type ReplicaServer, startReplica } from './support/replica-server.ts'

// One of three endpoints has a fault; the numbers are those of the table of faults that this product is measured by. In each
// case: every list is answered, every call is answered or fails with one error, none runs twice, and the endpoint is left.

type Era = 'legacy' | 'modern'
type Ask = (method: string, params?: Readonly<Record<string, unknown>>) => Promise<JsonObject>

const JSON_TYPE = { 'content-type': 'application/json' }
const STREAM_TYPE = { 'content-type': 'text/event-stream' }
const PROGRESS = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x' } }

/** 40 bytes of 50 million. */
const BOMB = brotliCompressSync(Buffer.alloc(50_000_000, '{'))

/** Where nobody is to come. */
let canary: ScriptedUpstream

beforeAll(async () => {
  canary = await startScriptedUpstream()
})

afterAll(async () => {
  await canary.stop()
})

/** What the endpoint does with a request that it has read, and executed where it is a call. */
const FAULTS: readonly (readonly [name: string, fault: HttpUpstreamHandler, reasons: readonly string[]])[] = [
  ['F6 accepts, and sends no head', () => {}, ['headers_timeout', 'total_timeout']],
  [
    'F7 hangs in the middle of its body',
    (_request, response) =>
      response.writeHead(200, { ...JSON_TYPE, 'content-length': 500 }).write('{"jsonrpc"'),
    ['idle_timeout', 'total_timeout'],
  ],
  [
    'F8 ends its body early',
    (_request, response) => {
      response
        .writeHead(200, { ...JSON_TYPE, 'content-length': 500 })
        .write('{"jsonrpc"', () => response.destroy())
    },
    ['truncated', 'reset'],
  ],
  [
    'F9 breaks in the middle of its stream',
    (_request, response) => {
      response.writeHead(200, STREAM_TYPE).write(eventOf(PROGRESS), () => response.socket?.resetAndDestroy())
    },
    ['truncated', 'reset'],
  ],
  [
    'F10 keeps itself alive with comments, byte by byte',
    (_request, response) => {
      response.writeHead(200, STREAM_TYPE)
      const timer = setInterval(() => response.write(':'), 20)
      response.once('close', () => clearInterval(timer))
    },
    ['total_timeout'],
  ],
  [
    'F11 talks without end, and never answers',
    (_request, response) => {
      response.writeHead(200, STREAM_TYPE)
      const timer = setInterval(() => response.write(eventOf(PROGRESS)), 5)
      response.once('close', () => clearInterval(timer))
    },
    ['total_timeout'],
  ],
  [
    'F12 answers more than it may',
    (_request, response) => response.writeHead(200, JSON_TYPE).end(`{"a":"${'x'.repeat(100_000)}"}`),
    ['too_large'],
  ],
  [
    'F13 answers with a little that would become much',
    (_request, response) => response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'br' }).end(BOMB),
    ['bad_content_type'],
  ],
  [
    'F14 answers with a web page',
    (_request, response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<p>canary</p>'),
    ['upstream_status'],
  ],
  [
    'F15 answers with invalid JSON',
    (_request, response) => response.writeHead(200, JSON_TYPE).end('{"jsonrpc":"2.0",'),
    ['not_a_message'],
  ],
  [
    'F16 answers with the id of somebody else',
    (_request, response) =>
      response.writeHead(200, JSON_TYPE).end('{"jsonrpc":"2.0","id":"canary","result":{}}'),
    ['not_a_message'],
  ],
  [
    'F17 answers with a result and an error',
    ({ rpcId }, response) =>
      response
        .writeHead(200, JSON_TYPE)
        .end(
          JSON.stringify({ jsonrpc: '2.0', id: rpcId, result: {}, error: { code: 1, message: 'canary' } }),
        ),
    ['not_a_message'],
  ],
  [
    'F18 sends elsewhere',
    (_request, response) =>
      response.writeHead(307, { location: `http://127.0.0.1:${canary.port}/canary` }).end(),
    ['redirect'],
  ],
  [
    'F19 closes the connection as it reads',
    (_request, response) => response.destroy(),
    ['reset', 'truncated'],
  ],
  [
    'F22 asks for patience',
    (_request, response) => response.writeHead(503, { 'retry-after': '60' }).end(),
    ['upstream_status'],
  ],
]

/** An endpoint that no request comes to. */
interface Unreachable {
  readonly url: string
  /** How names are resolved. Default: as this machine does. */
  readonly names?: ProxyOptions['names']
  /** What came through to it. */
  readonly received?: () => string
  readonly stop: () => Promise<void>
}

const startSilentNames = async (): Promise<Unreachable> => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    url: 'http://dead.test/mcp',
    names: { servers: [`127.0.0.1:${socket.address().port}`], timeoutMs: 300 },
    stop: async () => void socket.close(),
  }
}

/** @param options undefined: it does not speak TLS at all. */
const startTls = async (options: TlsOptions | undefined): Promise<Unreachable> => {
  if (options === undefined) {
    const plain = await startScriptedUpstream([{ send: 'HTTP/1.1 200 OK\r\n\r\n' }])
    return { url: plain.url.replace('http:', 'https:'), stop: () => plain.stop() }
  }
  let received = ''
  const server = createServer(options, (socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      received += bytes.toString()
    })
  })
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  return {
    url: `https://127.0.0.1:${address.port}/mcp`,
    received: () => received,
    stop: async () => void server.close(),
  }
}

const client = async (open: OpenProxy, era: Era): Promise<Ask> => {
  if (era === 'modern') return async (method, params) => (await sendModern(open, method, params)).last
  const { ask } = await initialize(open.proxy)
  return async (method, params = {}) => (await ask(requestOf(method, params))).last
}

/** Why the gateway says that there is no answer; undefined: there is one. */
const reasonIn = (answer: JsonObject): unknown => {
  if ('error' in answer) return errorOf(answer).data['reason']
  // What is wrong with the result of a tool is told as a result.
  const meta = isJsonObject(answer['result']) ? answer['result']['_meta'] : undefined
  const failure = isJsonObject(meta) ? meta['dev.mreg/failure'] : undefined
  return isJsonObject(failure) ? failure['reason'] : undefined
}

const executedIn = (replicas: readonly ReplicaServer[]): string[] =>
  replicas.flatMap(({ executions }) => executions)

const options = {
  breaker: { failureThreshold: 2, openMs: 60_000, maxOpenMs: 60_000 },
  maxMessageBytes: 65_536,
}

describe.each(['legacy', 'modern'] as const)('one of three endpoints of the %s era', (era) => {
  test.each(FAULTS)('%s', async (name, fault, reasons) => {
    const replicas = await Promise.all(['one', 'two', 'three'].map((each) => startReplica(era, each)))
    // A stall takes all the time there is, and what is too large here is too large anywhere.
    const isPassing = !/^F(6|7|10|11|12) /u.test(name)
    await using open = openProxy({
      ...options,
      timeouts: { requestMs: 60_000, toolCallMs: isPassing ? 60_000 : 400 },
      era: { legacy: era === 'legacy', modern: era === 'modern' },
    })
    open.register(registered(replicas.map(({ url }) => url)))
    try {
      // A client for each session that there could be: sessions of the older era stay where they are.
      const asks = await Promise.all(Array.from({ length: 6 }, () => client(open, era)))
      const [bad] = replicas.toSorted((one, other) => other.sessions.size - one.sessions.size)
      if (bad === undefined) throw new Error('there is no replica')
      bad.be(fault)
      const nonces: string[] = []
      const failures: JsonObject[] = []
      const answers: string[] = []
      for (const ask of asks) {
        const nonce = randomUUID()
        nonces.push(nonce)
        const answer = await ask('tools/call', { name: 'pay', arguments: { nonce } })
        if (reasonIn(answer) !== undefined) failures.push(answer)
        else answers.push(JSON.stringify(answer).includes(nonce) ? nonce : 'another')
      }
      // What the others have executed was answered, each call to whoever made it.
      const good = executedIn(replicas).filter((nonce) => !bad.executions.includes(nonce))
      expect(good).toEqual(expect.arrayContaining(answers))
      expect(answers.length + failures.length).toBe(asks.length)
      for (const failure of failures) {
        expect(reasons).toContain(reasonIn(failure))
        expect(JSON.stringify(failure)).not.toContain('canary')
      }
      // Nobody executes a call that another one may have executed.
      const executed = executedIn(replicas)
      expect(new Set(executed).size).toBe(executed.length)
      for (const nonce of executed) expect(nonces).toContain(nonce)

      for (const ask of isPassing ? asks : []) expect(await ask('tools/list')).toMatchObject({ result: {} })
      // A refusal that is none of a server's faults opens no circuit.
      const isLeft = isPassing && !name.startsWith('F18 ')
      expect(failures.length).toBeLessThanOrEqual(isLeft ? 2 : asks.length)
      // Whoever does not come to an end is cut off.
      const endless = /^F1[01] /u.test(name) ? bad.executions.length : 0
      await expect.poll(() => bad.upstream.disconnects).toBeGreaterThanOrEqual(endless)
      expect(canary.connectionsAccepted).toBe(0)
    } finally {
      for (const replica of replicas) await replica.stop()
    }
  })

  const withBad = async (badUrl: string, more: ProxyOptions = {}): Promise<[OpenProxy, ReplicaServer[]]> => {
    const replicas = await Promise.all(['one', 'two'].map((name) => startReplica(era, name)))
    const open = openProxy({
      ...options,
      ...more,
      era: { legacy: era === 'legacy', modern: era === 'modern' },
    })
    open.register(registered([badUrl, ...replicas.map(({ url }) => url)]))
    return [open, replicas]
  }

  test.each([
    [
      'F1 refuses connections',
      async () => ({ url: `http://127.0.0.1:${await freePort()}/mcp`, stop: async () => {} }),
    ],
    [
      'F2 never finishes a connection',
      async () => {
        const hole = await startScriptedUpstream([])
        return { url: hole.url.replace('http:', 'https:'), stop: () => hole.stop() }
      },
    ],
    [
      'F3 has a name that does not resolve',
      async () => ({ url: 'http://does-not-exist.invalid/mcp', stop: async () => {} }),
    ],
    ['F4 has a name whose server never answers', startSilentNames],
    ['F5 has a certificate that nobody has signed', () => startTls(goodCertificate)],
    [
      'F5 has a certificate that has expired',
      () => startTls({ ...expiredCertificate, maxVersion: 'TLSv1.2' }),
    ],
    ['F5 answers a TLS handshake with something else', () => startTls(undefined)],
  ])('%s: nobody notices', async (_name, start) => {
    const bad: Unreachable = await start()
    const [open, replicas] = await withBad(bad.url, {
      connectTimeoutMs: 500,
      names: bad.names,
      timeouts: { requestMs: 60_000, toolCallMs: 60_000 },
    })
    try {
      const nonces: string[] = []
      for (let round = 1; round <= 4; round += 1) {
        const ask = await client(open, era)
        const nonce = randomUUID()
        nonces.push(nonce)
        expect(await ask('tools/list')).toMatchObject({ result: {} })
        expect(await ask('tools/call', { name: 'pay', arguments: { nonce } })).toMatchObject({
          result: { content: [{ text: nonce }] },
        })
      }
      expect(replicas.flatMap(({ executions }) => executions).toSorted()).toEqual(nonces.toSorted())
      expect(bad.received?.() ?? '').toBe('')
    } finally {
      await open[Symbol.asyncDispose]()
      for (const replica of replicas) await replica.stop()
      await bad.stop()
    }
  })

  test('F24 all are gone: an error with its reason, and never an empty list', async () => {
    const replicas = await Promise.all(['one', 'two', 'three'].map((name) => startReplica(era, name)))
    await using open = openProxy({ ...options, era: { legacy: era === 'legacy', modern: era === 'modern' } })
    open.register(registered(replicas.map(({ url }) => url)))
    const ask = await client(open, era)
    for (const replica of replicas) await replica.stop()
    for (let round = 1; round <= 8; round += 1) {
      const { data } = errorOf(await ask('tools/list'))
      expect(data['reason']).toMatch(/^(unreachable|reset|truncated|circuit_open)$/u)
    }
    expect(errorOf(await ask('tools/list')).data).toMatchObject({
      reason: 'circuit_open',
      retryAfterMs: expect.any(Number),
    })
  })
})
