import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request as startRequest } from 'node:http'

import { startChangingServer, type ToolDefinition, waitUntil } from '@mreg/testing'
import { expect, test } from 'vitest'

import { MCP_HEADERS } from './support/initialize.ts'
import { openGateway } from './support/open-gateway.ts'

/** Streams at once: each takes two file descriptors of this process, client and gateway. */
const STREAMS = Number(process.env['MREG_TEST_STREAMS'] ?? 200)
const TIMEOUT_MS = 60_000 + STREAMS * 60

const VERSION = '2026-07-28'
const BODY = JSON.stringify({
  jsonrpc: '2.0',
  id: 'mine',
  method: 'subscriptions/listen',
  params: {
    notifications: { toolsListChanged: true },
    _meta: {
      'io.modelcontextprotocol/protocolVersion': VERSION,
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
})

interface Stream {
  readonly request: ClientRequest
  /** How often it has heard of a change. */
  heard: number
  isOver: boolean
}

const listen = async (url: string): Promise<Stream> => {
  const request = startRequest(`${url}/mcp`, {
    agent: false,
    method: 'POST',
    headers: {
      ...MCP_HEADERS,
      'content-type': 'application/json',
      'mcp-protocol-version': VERSION,
      'mcp-method': 'subscriptions/listen',
    },
  })
  request.end(BODY)
  const [response]: IncomingMessage[] = await once(request, 'response')
  if (response?.statusCode !== 200) throw new Error(`the stream was refused with ${response?.statusCode}`)
  const stream = { request, heard: 0, isOver: false }
  const acknowledged = Promise.withResolvers<void>()
  response.setEncoding('utf8')
  response.on('data', (text: string) => {
    if (text.includes('subscriptions/acknowledged')) acknowledged.resolve()
    stream.heard += text.split('"notifications/tools/list_changed"').length - 1
  })
  response.on('error', () => {})
  response.once('close', () => {
    stream.isOver = true
  })
  await acknowledged.promise
  return stream
}

/** Opens so many, some at a time. */
const listenAll = async (url: string, count: number): Promise<Stream[]> => {
  const streams: Stream[] = []
  while (streams.length < count) {
    const some = Math.min(100, count - streams.length)
    streams.push(...(await Promise.all(Array.from({ length: some }, () => listen(url)))))
  }
  return streams
}

const toolNamed = (name: string): ToolDefinition => ({ name, inputSchema: { type: 'object' } })

test(
  `F31: ${STREAMS} silent streams are held over one to the server, and every one hears of a change, whoever comes and goes`,
  { timeout: TIMEOUT_MS },
  async () => {
    await using server = await startChangingServer({ era: 'modern', tools: [toolNamed('first')] })
    await using gateway = await openGateway({
      limits: { maxInFlightRequests: STREAMS * 4, maxInFlightPerUpstream: STREAMS * 4 },
    })
    await gateway.register('changing', server.url)
    const before = process.memoryUsage.rss()
    let streams = await listenAll(gateway.url, STREAMS)
    await waitUntil('the gateway to listen', () => server.listening > 0)
    const allHear = async (name: string): Promise<number> => {
      const heard = streams.map((stream) => stream.heard)
      const startedAt = performance.now()
      server.offer(toolNamed(name))
      await waitUntil(
        'everybody to hear of it',
        () => streams.every((stream, index) => stream.heard > (heard[index] ?? 0)),
        { timeoutMs: TIMEOUT_MS / 3 },
      )
      return performance.now() - startedAt
    }
    const firstMs = await allHear('second')

    const leaving = streams.slice(0, STREAMS / 2)
    for (const { request } of leaving) request.destroy()
    streams = [...streams.slice(STREAMS / 2), ...(await listenAll(gateway.url, leaving.length))]
    const secondMs = await allHear('third')

    expect(streams.filter(({ isOver }) => isOver)).toEqual([])
    expect(server.listening).toBe(1)
    const bytesEach = Math.round((process.memoryUsage.rss() - before) / STREAMS)
    process.stdout.write(
      `${STREAMS} streams: all heard after ${firstMs.toFixed()} and ${secondMs.toFixed()} ms; ${bytesEach} bytes each, clients included\n`,
    )
    for (const { request } of streams) request.destroy()
  },
)
