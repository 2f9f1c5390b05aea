import { answerJson, eventOf, type HttpUpstreamHandler, startHttpUpstream } from '@mreg/testing'
import { isJsonObject } from '@mreg/upstream'
import { describe, expect, test } from 'vitest'

import { exchangeOf, initialize, type SeenAnswer, seen } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { openMerged } from './support/open-merged.ts'
import { openProxy, type ProxyOptions, registered } from './support/open-proxy.ts'

type Era = 'legacy' | 'modern'

const MEBIBYTE = 1_048_576
/** What the settings say when nobody says anything: `limits.maxReplyBytes`. */
const MAX_REPLY_BYTES = 32 * MEBIBYTE

const IMAGE = {
  type: 'image',
  mimeType: 'image/png',
  data: Buffer.alloc(5_000_000, 'png').toString('base64'),
}
const TEXT = { type: 'text', text: 'ä line of text\n'.repeat(1_250_000) }
const TOO_LONG = { type: 'text', text: 'x'.repeat(MAX_REPLY_BYTES) }
const CONTENT: Readonly<Record<string, object>> = { image: IMAGE, text: TEXT, too_long: TOO_LONG }

/** A server of one era whose tools give what is large, as JSON or on a stream. */
const largeServer =
  (era: Era, form: 'JSON' | 'a stream'): HttpUpstreamHandler =>
  ({ body, method, rpcId: id, rpcMethod }, reply) => {
    if (method !== 'POST') return void reply.writeHead(405).end()
    if (id === undefined) return void reply.writeHead(202).end()
    const answer = (result: object): void => answerJson(reply, { jsonrpc: '2.0', id, result })
    const capabilities = { tools: {} }
    const complete = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' }
    if (rpcMethod === 'initialize' && era === 'legacy')
      return answer({
        protocolVersion: '2025-11-25',
        capabilities,
        serverInfo: { name: 'large', version: '1' },
      })
    if (rpcMethod === 'server/discover' && era === 'modern')
      return answer({ ...complete, supportedVersions: ['2026-07-28'], capabilities })
    if (rpcMethod === 'tools/list') {
      const tools = Object.keys(CONTENT).map((name) => ({ name, inputSchema: { type: 'object' } }))
      return answer(era === 'modern' ? { ...complete, tools } : { tools })
    }
    if (rpcMethod !== 'tools/call') {
      const error = { code: -32_601, message: 'Method not found' }
      return answerJson(reply, { jsonrpc: '2.0', id, error }, { status: era === 'modern' ? 404 : 200 })
    }
    const name = Object.keys(CONTENT).find((known) => body.includes(`"name":"${known}"`)) ?? ''
    const result = { ...(era === 'modern' ? { resultType: 'complete' } : {}), content: [CONTENT[name]] }
    if (form === 'JSON') {
      const text = JSON.stringify({ jsonrpc: '2.0', id, result })
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
      return void reply.writeHead(200, headers).end(text)
    }
    reply.writeHead(200, { 'content-type': 'text/event-stream' })
    return void reply.end(eventOf({ jsonrpc: '2.0', id, result }))
  }

const OPTIONS: ProxyOptions = {
  maxMessageBytes: MAX_REPLY_BYTES,
  connectTimeoutMs: 50_000,
  timeouts: { requestMs: 50_000, toolCallMs: 50_000 },
}

/** What a tool gave: the only content of its result. */
const contentOf = ({ last }: SeenAnswer): unknown => {
  const { result } = last
  const content = isJsonObject(result) ? result['content'] : undefined
  return Array.isArray(content) && content.length === 1 ? content[0] : last
}

/** Compared as one string each: a difference of 20 MB is nothing to print. */
const isSame = (answer: SeenAnswer, sent: object): boolean =>
  JSON.stringify(contentOf(answer)) === JSON.stringify(sent)

/** A model reads what was too large, and what to do; a program finds it, too. */
const expectTooLarge = ({ last }: SeenAnswer, client: Era, form: 'JSON' | 'a stream'): void => {
  const { result } = last
  expect(last).toMatchObject({ id: 1, result: { isError: true, content: [{ type: 'text' }] } })
  const { content, resultType, _meta } = isJsonObject(result) ? result : {}
  expect(resultType).toBe(client === 'modern' ? 'complete' : undefined)
  const text = JSON.stringify(content)
  expect(text).toContain(`the limit of ${MAX_REPLY_BYTES} bytes`)
  expect(text).toContain('limits.maxReplyBytes')
  // Only an answer that says how long it is can be known without reading it.
  const size = form === 'JSON' ? { sizeBytes: expect.any(Number) } : {}
  expect(_meta).toMatchObject({
    'dev.mreg/failure': { reason: 'too_large', limitBytes: MAX_REPLY_BYTES, ...size },
  })
}

const PAIRS = (['legacy', 'modern'] as const).flatMap((client) =>
  (['legacy', 'modern'] as const).flatMap((server) =>
    (['JSON', 'a stream'] as const).map((form) => [client, server, form] as const),
  ),
)

describe.each(PAIRS)('to a %s client, a %s server that answers with %s', (client, server, form) => {
  test('gives 5 MB of image and 20 MB of text as they are, and no more than the limit', async () => {
    await using upstream = await startHttpUpstream(largeServer(server, form))
    await using open = openProxy({
      ...OPTIONS,
      era: { legacy: server === 'legacy', modern: server === 'modern' },
    })
    open.register(registered(upstream.url))
    const old = client === 'legacy' ? await initialize(open.proxy) : undefined
    const call = (name: string): Promise<SeenAnswer> => {
      const params = { name, arguments: {} }
      if (old === undefined) return sendModern(open, 'tools/call', params)
      return old.ask({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
    }
    expect(isSame(await call('image'), IMAGE)).toBe(true)
    expect(isSame(await call('text'), TEXT)).toBe(true)
    expectTooLarge(await call('too_long'), client, form)
    // It is the reply that was too large; the server is as good as before.
    expect(isSame(await call('image'), IMAGE)).toBe(true)
  })
})

const MERGED = PAIRS.filter(([client]) => client === 'legacy').map(
  ([, server, form]) => [server, form] as const,
)

describe.each(MERGED)('merged, a %s server that answers with %s', (server, form) => {
  test('gives both clients 5 MB of image and 20 MB of text as they are, and no more than the limit', async () => {
    await using upstream = await startHttpUpstream(largeServer(server, form))
    await using merged = await openMerged(
      { firstListMs: 50_000 },
      { ...OPTIONS, era: { legacy: server === 'legacy', modern: server === 'modern' } },
    )
    merged.register(registered(upstream.url, { slug: 'large' }))
    const proxy = merged.merged
    const initialized = await seen(
      await proxy.handle(
        exchangeOf({
          jsonrpc: '2.0',
          id: 0,
          method: 'initialize',
          params: {
            protocolVersion: '2025-11-25',
            capabilities: {},
            clientInfo: { name: 'x', version: '1' },
          },
        }),
      ),
    )
    const headers = {
      'mcp-session-id': initialized.headers['mcp-session-id'] ?? '',
      'mcp-protocol-version': '2025-11-25',
    }
    const callOld = async (name: string): Promise<SeenAnswer> => {
      const body = {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: `large__${name}`, arguments: {} },
      }
      return seen(await proxy.handle(exchangeOf(body, { headers })))
    }
    const callNew = (name: string): Promise<SeenAnswer> =>
      sendModern({ proxy }, 'tools/call', { name: `large__${name}`, arguments: {} })
    for (const [client, call] of [
      ['legacy', callOld],
      ['modern', callNew],
    ] as const) {
      expect(isSame(await call('image'), IMAGE)).toBe(true)
      expect(isSame(await call('text'), TEXT)).toBe(true)
      expectTooLarge(await call('too_long'), client, form)
    }
  })
})
