import { answerJson, type HttpUpstream, startHttpUpstream } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { sendModern } from './support/modern-exchanges.ts'
import { type OpenProxy, openProxy, registered } from './support/open-proxy.ts'

const URL_ELICITATION = {
  code: -32_042,
  message: 'Log in first.',
  data: {
    elicitations: [{ mode: 'url', elicitationId: 'x', url: 'https://login.example/', message: 'Log in' }],
  },
}

/** What an older server answers to each method, or to each tool. */
const ANSWERS: Readonly<Record<string, object>> = {
  initialize: {
    result: {
      protocolVersion: '2025-06-18',
      capabilities: { tools: { listChanged: true }, tasks: { list: {} }, experimental: { kept: true } },
      serverInfo: { name: 'older', version: '1' },
      instructions: 'Be kind.',
    },
  },
  'tools/list': {
    result: {
      tools: [
        {
          name: 'plain',
          inputSchema: { type: 'object' },
          'x-vendor': 1.5,
          execution: { taskSupport: 'optional' },
        },
        { name: 'as-task', inputSchema: { type: 'object' }, execution: { taskSupport: 'required' } },
      ],
      nextCursor: 'next',
    },
  },
  'resources/read': { error: { code: -32_002, message: 'Resource not found' } },
  plain: { result: { content: [], 'x-vendor': 12.5 } },
  empty: { result: {} },
  login: { error: URL_ELICITATION },
  'habit of an SDK': { error: { code: -32_001, message: 'Session not found?' } },
  'own code': { error: { code: 7, message: 'Seven' } },
}

describe('between a newer client and an older server', () => {
  let upstream: HttpUpstream
  let open: OpenProxy

  const callTool = (name: string, more: object = {}, fields: Parameters<typeof sendModern>[3] = {}) =>
    sendModern(open, 'tools/call', { name, arguments: {}, ...more }, fields)
  const lastBody = (method: string): unknown =>
    JSON.parse(upstream.requests.findLast(({ rpcMethod }) => rpcMethod === method)?.body ?? '{}')

  beforeAll(async () => {
    upstream = await startHttpUpstream(({ body, method, rpcId, rpcMethod }, response) => {
      if (method !== 'POST' || rpcId === undefined) {
        response.writeHead(method === 'POST' ? 202 : 405).end()
        return
      }
      const { params }: { params?: { name?: string } } = JSON.parse(body)
      const answer = ANSWERS[rpcMethod === 'tools/call' ? (params?.name ?? '') : (rpcMethod ?? '')]
      const missing = { error: { code: -32_601, message: 'Method not found' } }
      answerJson(response, { jsonrpc: '2.0', id: rpcId, ...(answer ?? missing) })
    })
    open = openProxy({ connectTimeoutMs: 10_000 })
    open.register(registered(upstream.url))
  })
  afterAll(async () => {
    await open[Symbol.asyncDispose]()
    await upstream.stop()
  })

  test('discovery says what initialize said, without tasks', async () => {
    expect((await sendModern(open, 'server/discover', {}, { id: 'd' })).last).toEqual({
      jsonrpc: '2.0',
      id: 'd',
      result: {
        resultType: 'complete',
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: { listChanged: true }, experimental: { kept: true } },
        instructions: 'Be kind.',
        ttlMs: 0,
        cacheScope: 'private',
        _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'older', version: '1' } },
      },
    })
  })

  test('a request loses what is new in it, and nothing else; id and progress token are those of the session', async () => {
    const meta = {
      progressToken: 'mine',
      'com.example/kept': [1.5],
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'io.modelcontextprotocol/clientInfo': { name: 'x', version: '1' },
    }
    await callTool('plain', { 'x-vendor': { kept: 1e3 } }, { id: 'mine', meta })
    expect(lastBody('tools/call')).toEqual({
      jsonrpc: '2.0',
      id: expect.any(Number),
      method: 'tools/call',
      params: {
        name: 'plain',
        arguments: {},
        'x-vendor': { kept: 1000 },
        _meta: {
          progressToken: expect.any(Number),
          'com.example/kept': [1.5],
          traceparent: meta.traceparent,
        },
      },
    })
    await callTool('plain')
    expect(lastBody('tools/call')).toMatchObject({ params: { name: 'plain', arguments: {} } })
    expect(JSON.stringify(lastBody('tools/call'))).not.toContain('_meta')
  })

  test('headers of the newer era stay here, and the version is the one that was agreed on', async () => {
    await callTool('plain')
    const sent = upstream.requests.findLast(({ rpcMethod }) => rpcMethod === 'tools/call')
    expect(sent?.headers).toMatchObject({ 'mcp-protocol-version': '2025-06-18' })
    expect(Object.keys(sent?.headers ?? {})).not.toContain('mcp-method')
  })

  test.each(['plain', 'empty'])('the result of %s is complete, and says whose it is', async (name) => {
    const { last } = await callTool(name, {}, { id: 9 })
    const { result }: { result?: object } = ANSWERS[name] ?? {}
    expect(last).toEqual({
      jsonrpc: '2.0',
      id: 9,
      result: {
        resultType: 'complete',
        ...result,
        _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'older', version: '1' } },
      },
    })
  })

  test('a list is not to be kept, and has no tools that can only be called as tasks', async () => {
    const { last } = await sendModern(open, 'tools/list')
    expect(last).toMatchObject({
      result: { resultType: 'complete', ttlMs: 0, cacheScope: 'private', nextCursor: 'next' },
    })
    expect(last['result']).toMatchObject({
      tools: [{ name: 'plain', inputSchema: { type: 'object' }, 'x-vendor': 1.5 }],
    })
    expect(JSON.stringify(last)).not.toContain('execution')
  })

  test.each<[string, number, number]>([
    ['habit of an SDK', -32_603, 200],
    ['own code', 7, 200],
  ])('the error of "%s" has the code %i', async (name, code, status) => {
    expect(await callTool(name)).toMatchObject({ status, last: { error: { code } } })
  })

  test('a resource that does not exist has the code of the newer era, and its URI', async () => {
    expect(await sendModern(open, 'resources/read', { uri: 'test://none' })).toMatchObject({
      status: 200,
      last: { error: { code: -32_602, data: { uri: 'test://none' } } },
    })
  })

  test.each([
    'initialize',
    'ping',
    'logging/setLevel',
    'resources/subscribe',
    'tasks/list',
    'no/such/method',
  ])('%s is not found, with the status for that', async (method) => {
    const answer = await sendModern(open, method)
    expect(answer).toMatchObject({ status: 404, last: { error: { code: -32_601 } } })
  })

  test('a server that wants its user to visit a page first has the client do that, and is called again', async () => {
    const capabilities = { elicitation: { url: {} } }
    const { last } = await callTool('login', {}, { capabilities })
    expect(last).toMatchObject({
      result: {
        resultType: 'input_required',
        inputRequests: {
          'url-1': {
            method: 'elicitation/create',
            params: { mode: 'url', url: 'https://login.example/', message: 'Log in' },
          },
        },
      },
    })
    expect(JSON.stringify(last)).not.toContain('elicitationId')
    await callTool('login', { inputResponses: { 'url-1': { action: 'accept' } } }, { capabilities })
    expect(lastBody('tools/call')).toMatchObject({ params: { name: 'login', arguments: {} } })
    expect(JSON.stringify(lastBody('tools/call'))).not.toContain('inputResponses')
    expect((await callTool('login')).last).toMatchObject({ error: { code: -32_603 } })
  })
})
