import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type DualEraServer, dualEraStdioServer, startDualEraServer, waitUntil } from '../src/index.ts'

let server: DualEraServer
beforeAll(async () => {
  server = await startDualEraServer()
})
afterAll(() => server.stop())

const CAPABILITIES = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} }

const connect = async (transport: Transport): Promise<Client> => {
  const client = new Client({ name: 'test', version: '1' }, { capabilities: CAPABILITIES })
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
    action: 'accept',
    content: params.mode === 'url' ? {} : { username: 'ann', email: 'ann@mail.example', name: 'Ann' },
  }))
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    role: 'assistant',
    content: { type: 'text', text: 'Paris' },
    model: 'test',
  }))
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///here' }] }))
  await client.connect(transport)
  return client
}

/** Asks in the modern era; gives status and body. */
const ask = async (
  method: string,
  params: Record<string, unknown>,
  { capabilities = {}, headers = {} }: { capabilities?: object; headers?: Record<string, string> } = {},
): Promise<{ status: number; body: { result?: Record<string, unknown>; error?: { code: number } } }> => {
  const name = params['name'] ?? params['uri'] ?? params['taskId']
  const response = await fetch(server.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method,
      params: {
        ...params,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': capabilities,
        },
      },
    }),
  })
  return { status: response.status, body: JSON.parse(await response.text()) }
}

const transports: Record<string, () => Transport> = {
  'Streamable HTTP': () => new StreamableHTTPClientTransport(new URL(server.url)),
  'HTTP+SSE': () => new SSEClientTransport(new URL(server.sseUrl)),
  stdio: () => {
    const { command, args } = dualEraStdioServer('legacy')
    return new StdioClientTransport({ command, args: [...args] })
  },
}

test.each(Object.keys(transports))('a legacy client is asked in mid call over %s', async (name) => {
  const client = await connect(transports[name]!())
  const call = (tool: string, input: Record<string, unknown> = {}) =>
    client.callTool({ name: tool, arguments: input })

  expect(await call('test_elicitation', { message: 'Who are you?' })).toMatchObject({
    content: [{ text: expect.stringContaining('action=accept, content={"username":"ann"') }],
  })
  expect(await call('test_elicitation_url')).toMatchObject({ content: [{ text: 'Login: action=accept' }] })
  expect(await call('test_sampling', { prompt: 'Capital?' })).toMatchObject({
    content: [{ text: 'LLM response: Paris' }],
  })
  expect(await call('test_roots')).toMatchObject({ content: [{ text: 'Roots: [{"uri":"file:///here"}]' }] })
  expect(await call('test_input_required_result_multi_round')).toMatchObject({
    content: [{ text: expect.stringContaining('Ann likes') }],
  })
  await client.close()
})

test('a subscriber hears of its resource and of changed lists', async () => {
  const client = await connect(new StreamableHTTPClientTransport(new URL(server.url)))
  const heard: string[] = []
  client.fallbackNotificationHandler = ({ method }) => {
    heard.push(method)
    return Promise.resolve()
  }
  await client.subscribeResource({ uri: 'test://watched-resource' })
  await waitUntil('the announcements', async () => {
    await server.announce({ kind: 'updated', uri: 'test://watched-resource' })
    await server.announce({ kind: 'updated', uri: 'test://numbered/1' })
    await server.announce({ kind: 'tools' })
    return (
      heard.includes('notifications/tools/list_changed') && heard.includes('notifications/resources/updated')
    )
  })
  expect(server.sessionIds.length).toBeGreaterThan(0)
  await client.close()
})

test('lists have pages, and a cursor that nobody gave is refused', async () => {
  const client = await connect(new StreamableHTTPClientTransport(new URL(server.url)))
  const first = await client.listResources()
  const second = await client.listResources({ cursor: first.nextCursor })
  expect(second.resources[0]?.uri).not.toBe(first.resources[0]?.uri)
  await expect(client.listResources({ cursor: 'invented' })).rejects.toMatchObject({ code: -32_602 })
  await client.close()
})

test('a modern client answers and sends the call again', async () => {
  const call = { name: 'test_input_required_result_multi_round', arguments: {} }
  const capabilities = { elicitation: {} }
  const first = await ask('tools/call', call, { capabilities })
  expect(first.body.result).toMatchObject({ resultType: 'input_required', inputRequests: { step1: {} } })
  const second = await ask(
    'tools/call',
    {
      ...call,
      inputResponses: { step1: { action: 'accept', content: { name: 'Ann' } } },
      requestState: first.body.result?.['requestState'],
    },
    { capabilities },
  )
  expect(second.body.result).toMatchObject({ inputRequests: { step2: {} } })
  const third = await ask(
    'tools/call',
    {
      ...call,
      inputResponses: { step2: { action: 'accept', content: { color: 'red' } } },
      requestState: second.body.result?.['requestState'],
    },
    { capabilities },
  )
  expect(third.body.result).toMatchObject({ resultType: 'complete', content: [{ text: 'Ann likes red' }] })
  const forged = { ...call, requestState: 'v1.forged.state' }
  expect((await ask('tools/call', forged, { capabilities })).body.error).toMatchObject({ code: -32_602 })
  expect(await ask('tools/call', call)).toMatchObject({ status: 400, body: { error: { code: -32_021 } } })
})

test('what no schema knows passes in both eras', async () => {
  const modern = await ask('tools/call', { name: 'unknown_content' })
  expect(modern.body.result).toMatchObject({
    content: [{ type: 'text' }, { type: 'com.example/hologram', nested: { kept: true } }],
  })
  const { body } = await ask('tools/call', { name: 'vendor_fields' })
  expect(body.result).toMatchObject({ 'x-vendor': { kept: true }, content: [{ 'x-vendor': 'kept' }] })
  expect((await ask('com.example/mirror', { any: [1] })).body.result).toMatchObject({
    mirrored: { any: [1] },
  })
  expect(await ask('com.example/unknown', {})).toMatchObject({
    status: 404,
    body: { error: { code: -32_601 } },
  })
})

test('a task asks, is answered and completes', async () => {
  const capabilities = { elicitation: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } }
  const created = await ask(
    'tools/call',
    { name: 'confirm_delete', arguments: { filename: 'a' } },
    { capabilities },
  )
  expect(created.body.result).toMatchObject({ resultType: 'task', status: 'input_required' })
  const taskId = created.body.result?.['taskId']
  const inputResponses = { confirm: { action: 'accept', content: { confirm: true } } }
  await ask('tasks/update', { taskId, inputResponses }, { capabilities })
  const ended = await waitUntil('the task to complete', async () => {
    const { body } = await ask('tasks/get', { taskId }, { capabilities })
    return body.result?.['status'] === 'completed' && body.result
  })
  expect(ended).toMatchObject({ result: { content: [{ text: 'confirmed: true' }] } })
  expect(await ask('tasks/get', { taskId })).toMatchObject({
    status: 400,
    body: { error: { code: -32_021 } },
  })
})

test('headers that do not say what the body says are refused', async () => {
  const call = { name: 'test_custom_header', arguments: { region: 'eu' } }
  expect(await ask('tools/call', call)).toMatchObject({ status: 400, body: { error: { code: -32_020 } } })
  const { status } = await ask('tools/call', call, { headers: { 'mcp-param-region': 'eu' } })
  expect(status).toBe(200)
})

test('a server without sessions answers a call that nobody initialised', async () => {
  await using stateless = await startDualEraServer({ legacy: 'stateless', modern: false })
  const response = await fetch(stateless.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hi"}}}',
  })
  expect(response.headers.get('mcp-session-id')).toBeNull()
  expect(await response.text()).toContain('"text":"hi"')
  expect(stateless.executions).toHaveLength(1)
})
