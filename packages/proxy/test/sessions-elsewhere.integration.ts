import { randomBytes, randomUUID } from 'node:crypto'

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema, ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { type DualEraServer, type FaultProxy, startDualEraServer, waitUntil } from '@mreg/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { callOf, clientOf, initialize, messagesOf, requestOf } from './support/exchanges.ts'
import { openOnRedis, redisPrefix, startWayToRedis } from './support/open-on-redis.ts'
import { registered } from './support/open-proxy.ts'
import { serveProxy } from './support/serve-proxy.ts'

const WATCHED = 'test://watched-resource'

const resources = new AsyncDisposableStack()
let server: DualEraServer
let way: FaultProxy
let shared: Parameters<typeof openOnRedis>[1]
let client: Client
/** What the client posts goes by turns to the one gateway and to the other; its stream is at the first. */
let posted = 0
const updated: string[] = []

beforeAll(async () => {
  server = await startDualEraServer({ legacy: 'none' })
  resources.defer(() => server.stop())
  way = await startWayToRedis()
  resources.defer(() => way.stop())
  shared = {
    keyPrefix: redisPrefix('sessions'),
    keys: [randomBytes(32).toString('base64url')],
    served: registered(server.url),
    timeouts: { toolCallMs: 60_000 },
  }
  const one = resources.use(await openOnRedis(way, shared))
  const two = resources.use(await openOnRedis(way, shared))
  const served = [resources.use(await serveProxy(one.proxy)), resources.use(await serveProxy(two.proxy))]
  client = new Client({ name: 'test', version: '1.0.0' }, { capabilities: { elicitation: { form: {} } } })
  client.setRequestHandler(ElicitRequestSchema, () => ({
    action: 'accept',
    content: { username: 'ada', email: 'ada@example.com' },
  }))
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    updated.push(params.uri)
  })
  const fetchByTurns: typeof fetch = (_url, init) => {
    if (init?.method === 'POST') posted += 1
    const at = init?.method === 'POST' ? posted % served.length : 0
    return fetch(served[at]?.urlOf('fixture') ?? '', init)
  }
  const [first] = served
  await client.connect(
    new StreamableHTTPClientTransport(first?.urlOf('fixture') ?? new URL('http://127.0.0.1'), {
      fetch: fetchByTurns,
    }),
  )
  resources.defer(() => client.close())
})
afterAll(() => resources.disposeAsync())

test('a client that is asked by one gateway answers to another one', async () => {
  for (let times = 0; times < 4; times += 1) {
    const before = posted
    const call = { name: 'test_elicitation', arguments: { message: 'Who?' } }
    expect(JSON.stringify(await client.callTool(call))).toContain('action=accept')
    // The call, and then the answer: never to the same one.
    expect(posted - before).toBe(2)
  }
})

test('a call is cancelled by a word to another gateway', async () => {
  const label = randomUUID()
  const gone = new AbortController()
  const call = { name: 'wait_until_cancelled', arguments: { label } }
  const waiting = client.callTool(call, undefined, { signal: gone.signal }).catch(() => 'cancelled')
  await waitUntil('the call', () => server.executions.some(({ tool }) => tool === call.name))
  gone.abort()
  expect(await waiting).toBe('cancelled')
  const wasCancelled = async () => client.callTool({ name: 'was_cancelled', arguments: { label } })
  await expect.poll(wasCancelled, { timeout: 15_000 }).toMatchObject({ content: [{ text: 'true' }] })
})

test('a stream at one gateway tells of the resources that were subscribed to at another one', async () => {
  // So that the next one is not where the stream is.
  if (posted % 2 === 1) await client.ping()
  await client.subscribeResource({ uri: WATCHED })
  const hears = async (): Promise<boolean> => {
    await client.callTool({ name: 'test_touch_resource', arguments: { uri: WATCHED } })
    return updated.length > 0
  }
  await expect.poll(hears, { timeout: 15_000 }).toBe(true)
  expect(new Set(updated)).toEqual(new Set([WATCHED]))
})

test('what a session had set at a gateway that is gone holds at the one that takes it over', async () => {
  const options = { ...shared, keyPrefix: redisPrefix('taken-over') }
  let token: string
  {
    await using before = await openOnRedis(way, options)
    const own = await initialize(before.proxy)
    ;({ token } = own)
    await own.ask(requestOf('logging/setLevel', { level: 'debug' }))
    await own.ask(requestOf('resources/subscribe', { uri: WATCHED }))
  }
  await using after = await openOnRedis(way, options)
  const { ask, send } = clientOf(after.proxy, token)
  const gone = new AbortController()
  const stream = await send(undefined, { method: 'GET', signal: gone.signal })
  if (stream.kind !== 'stream') throw new Error(`expected a stream, got ${stream.status}`)
  const heard: unknown[] = []
  const hearing = (async () => {
    for await (const chunk of stream.chunks) heard.push(...messagesOf(chunk))
  })()
  const hears = async (): Promise<readonly unknown[]> => {
    await ask(callOf('test_touch_resource', { uri: WATCHED }))
    return heard
  }
  const news = {
    method: 'notifications/resources/updated',
    params: expect.objectContaining({ uri: WATCHED }),
  }
  await expect.poll(hears, { timeout: 15_000 }).toContainEqual(expect.objectContaining(news))
  const { messages } = await ask(callOf('test_tool_with_logging'))
  expect(messages.map(({ method }) => method)).toContain('notifications/message')
  gone.abort()
  await hearing
})
