import { type DualEraServer, startDualEraServer, startFixtureServer } from '@mreg/testing'
import { isJsonObject, type JsonObject } from '@mreg/upstream'
import { describe, expect, test } from 'vitest'

import {
  callOf,
  errorOf,
  exchangeOf,
  initialize,
  messagesOf,
  requestOf,
  type SeenAnswer,
} from './support/exchanges.ts'
import { type ModernFields, sendModern } from './support/modern-exchanges.ts'
import { type OpenMerged, openMerged } from './support/open-merged.ts'
import { registered } from './support/open-proxy.ts'

const TASKS = 'io.modelcontextprotocol/tasks'
const SKILLS = 'io.modelcontextprotocol/skills'
const WATCHED = 'test://watched-resource'
const PATIENT = { timeout: 20_000 }

const objectIn = (value: unknown): JsonObject => (isJsonObject(value) ? value : {})
const resultOf = ({ last }: SeenAnswer): JsonObject => objectIn(last['result'])

/** Sends a request of a client that knows tasks. */
const ask = (
  { merged }: OpenMerged,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  fields: ModernFields = {},
): Promise<SeenAnswer> => {
  const { taskId } = params
  const headers = { ...(typeof taskId === 'string' ? { 'mcp-name': taskId } : {}), ...fields.headers }
  const capabilities = { extensions: { [TASKS]: {} } }
  return sendModern({ proxy: merged }, method, params, { capabilities, ...fields, headers })
}

const capabilitiesOf = async (open: OpenMerged): Promise<JsonObject> =>
  objectIn(resultOf(await ask(open, 'server/discover'))['capabilities'])

/** Two servers of the newer era that offer the same. */
const openTwo = async (): Promise<OpenMerged & { readonly servers: readonly DualEraServer[] }> => {
  const servers = [await startDualEraServer({ legacy: 'none' }), await startDualEraServer({ legacy: 'none' })]
  const open = await openMerged()
  open.register(...servers.map(({ url }, index) => registered(url, { slug: `server-${index}` })))
  return {
    ...open,
    servers,
    async [Symbol.asyncDispose]() {
      await open[Symbol.asyncDispose]()
      for (const server of servers) await server[Symbol.asyncDispose]()
    },
  }
}

describe('tasks', () => {
  test('are offered when a server has them, and go on at the server that began them', async () => {
    await using open = await openTwo()
    expect(await capabilitiesOf(open)).toMatchObject({ extensions: { [TASKS]: {} } })
    const begin = async (slug: string): Promise<string> => {
      const params = { name: `${slug}__slow_compute`, arguments: { seconds: 0, label: slug } }
      const result = resultOf(await ask(open, 'tools/call', params))
      expect(result).toMatchObject({ resultType: 'task', taskId: expect.any(String) as unknown })
      return String(result['taskId'])
    }
    const taskIds = [await begin('server-0'), await begin('server-1')]
    for (const [index, taskId] of taskIds.entries()) {
      const state = async (): Promise<JsonObject> => resultOf(await ask(open, 'tasks/get', { taskId }))
      await expect.poll(state, PATIENT).toMatchObject({ taskId, status: 'completed' })
      expect(JSON.stringify(await state())).toContain(`computed server-${index}`)
    }
  })

  test('that nobody has are not found', async () => {
    await using open = await openTwo()
    for (const taskId of ['nobody', 'mcp.server-0+nobody', 'mcp.nobody+x']) {
      const { last } = await ask(open, 'tasks/get', { taskId })
      expect({ taskId, last }).toMatchObject({ taskId, last: { id: 1, error: { code: -32_602 } } })
    }
  })

  test('are not for older clients', async () => {
    await using open = await openTwo()
    const client = await initialize(open.merged)
    expect((await client.ask(requestOf('tasks/get', { taskId: 'x' }))).last).toMatchObject({
      error: { code: -32_601 },
    })
  })
})

describe('an extension', () => {
  test('that one server has is offered, and its requests go there', async () => {
    await using newer = await startDualEraServer({ legacy: 'none' })
    await using older = await startFixtureServer()
    await using open = await openMerged()
    open.register(registered(older.url, { slug: 'older' }))
    expect(await capabilitiesOf(open)).not.toHaveProperty('extensions')
    open.register(registered(newer.url, { slug: 'newer' }))
    await expect
      .poll(() => capabilitiesOf(open), PATIENT)
      .toMatchObject({ extensions: { [TASKS]: {}, [SKILLS]: expect.anything() as unknown } })
    expect(resultOf(await ask(open, 'skills/list'))).toHaveProperty('skills')
    expect(await ask(open, 'vendor/unheard-of')).toMatchObject({
      status: 404,
      last: { error: { code: -32_601 } },
    })
  })

  test('that several have is not offered, and its requests have no place to go', async () => {
    await using open = await openTwo()
    expect((await capabilitiesOf(open))['extensions']).toEqual({ [TASKS]: expect.anything() as unknown })
    expect(await ask(open, 'skills/list')).toMatchObject({
      status: 404,
      last: { id: 1, error: { code: -32_601 } },
    })
  })

  test('reaches the only server there is, whatever the method', async () => {
    await using newer = await startDualEraServer({ legacy: 'none' })
    await using open = await openMerged()
    open.register(registered(newer.url, { slug: 'newer' }))
    expect(await capabilitiesOf(open)).toHaveProperty(['extensions', SKILLS])
    expect(resultOf(await ask(open, 'skills/list'))).toHaveProperty('skills')
    expect(await ask(open, 'vendor/unheard-of')).toMatchObject({
      status: 404,
      last: { error: { code: -32_601 } },
    })
  })
})

test('a missing resource is named as the client named it', async () => {
  await using open = await openTwo()
  const uri = 'mcp.server-1+test://template'
  const { data } = errorOf((await ask(open, 'resources/read', { uri })).last)
  expect(data['uri']).toBe(uri)
})

describe.each(['older', 'newer'] as const)('what %s servers say of single resources', (era) => {
  const start = (): Promise<DualEraServer> =>
    startDualEraServer(era === 'older' ? { modern: false } : { legacy: 'none' })

  /** Both have the resource; the second one under a name of its own. */
  const openBoth = async () => {
    const servers = [await start(), await start()]
    const open = await openMerged()
    for (const [index, { url }] of servers.entries()) {
      open.register(registered(url, { slug: `server-${index}` }))
      const listed = async (): Promise<string> => JSON.stringify(await ask(open, 'resources/list'))
      await expect.poll(listed, PATIENT).toContain(index === 0 ? WATCHED : 'mcp.server-1+test')
    }
    return {
      open,
      servers,
      async [Symbol.asyncDispose]() {
        await open[Symbol.asyncDispose]()
        for (const server of servers) await server[Symbol.asyncDispose]()
      },
    }
  }

  test('is heard by newer clients, by the URIs that they know', { timeout: 60_000 }, async () => {
    await using both = await openBoth()
    const { merged } = both.open
    const gone = new AbortController()
    const uris = [WATCHED, `mcp.server-1+${WATCHED}`]
    const body = requestOf('subscriptions/listen', {
      notifications: { resourceSubscriptions: [...uris, 'test://nobody-has-that'], toolsListChanged: true },
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    })
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' }
    const answer = await merged.handle(exchangeOf(body, { headers, signal: gone.signal }))
    if (answer.kind !== 'stream') throw new Error('no stream')
    const heard: JsonObject[] = []
    const reading = (async () => {
      for await (const chunk of answer.chunks) heard.push(...messagesOf(chunk))
    })()
    await expect.poll(() => heard, PATIENT).toHaveLength(1)
    const subscription = { _meta: { 'io.modelcontextprotocol/subscriptionId': 1 } }
    expect(heard[0]).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: { ...subscription, notifications: { toolsListChanged: true, resourceSubscriptions: uris } },
    })
    for (const server of both.servers) await server.announce({ kind: 'updated', uri: WATCHED })
    const updates = (): ReadonlySet<unknown> =>
      new Set(heard.slice(1).map(({ params }) => objectIn(params)['uri']))
    await expect.poll(updates, PATIENT).toEqual(new Set(uris))
    expect(heard[1]).toMatchObject({ method: 'notifications/resources/updated', params: subscription })
    gone.abort()
    await reading
    expect(heard.at(-1)).toMatchObject({ id: 1, result: { resultType: 'complete', ...subscription } })
  })

  test('is heard by older clients on their stream', { timeout: 60_000 }, async () => {
    await using both = await openBoth()
    const client = await initialize(both.open.merged)
    expect(await capabilitiesOf(both.open)).toMatchObject({ resources: { subscribe: true } })
    const uri = `mcp.server-1+${WATCHED}`
    expect((await client.ask(requestOf('resources/subscribe', { uri }))).last).toMatchObject({ result: {} })
    const gone = new AbortController()
    const answer = await client.send(undefined, { method: 'GET', signal: gone.signal })
    if (answer.kind !== 'stream') throw new Error('no stream')
    const heard: JsonObject[] = []
    const reading = (async () => {
      for await (const chunk of answer.chunks) heard.push(...messagesOf(chunk))
    })()
    // The server may hear of the subscription only after it has spoken.
    const touched = async (): Promise<readonly unknown[]> => {
      await client.ask(callOf('server-1__test_touch_resource', { uri: WATCHED }))
      return heard.map(({ method, params }) => [method, objectIn(params)['uri']])
    }
    await expect.poll(touched, PATIENT).toContainEqual(['notifications/resources/updated', uri])
    gone.abort()
    await reading
  })
})
