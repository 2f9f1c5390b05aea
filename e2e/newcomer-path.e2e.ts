import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  type EverythingServer,
  type FixtureServer,
  freePort,
  type GatewayProcess,
  removeDataDirectory,
  startEverythingServer,
  startFixtureServer,
  startGateway,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'
import { exchange } from './http-exchange.ts'
import { RawMcpClient } from './raw-mcp-client.ts'
import { type SdkClient, sdkClients } from './sdk-clients.ts'
import { type Store, stores } from './stores.ts'

/** Failures in a row after which a circuit opens, unless the settings file says otherwise. */
const failureThreshold = 5

// The tests of a store are the steps of one story: each begins where the one before it ended.
describe.each(stores)('a newcomer $name', ({ name: storeName, open }) => {
  let store: Store
  let dataDirectory: string
  let port: number
  let everything: EverythingServer
  let fixture: FixtureServer
  let gateway: GatewayProcess
  let administrator: Administrator
  const clients = new Map<string, SdkClient>()

  const start = async (): Promise<void> => {
    gateway = await startGateway({ dataDirectory, port, environment: store.environment })
    administrator = new Administrator(gateway)
  }
  const mcpUrl = (slug: string): string => `${gateway.url}/mcp/${slug}`
  const client = (name: string): SdkClient => {
    const found = clients.get(name)
    if (found === undefined) throw new Error(`${name} is not connected`)
    return found
  }
  const reportReadyTime = (how: string): void => {
    process.stdout.write(`ready ${storeName}, ${how}: ${Math.round(gateway.readyAfterMs)} ms\n`)
  }

  beforeAll(async () => {
    store = await open()
    dataDirectory = join(await mkdtemp(join(tmpdir(), 'mreg-e2e-')), 'data')
    port = await freePort()
    ;[everything, fixture] = await Promise.all([startEverythingServer(), startFixtureServer()])
  })

  afterAll(async () => {
    for (const connected of clients.values()) await connected.close()
    await gateway?.kill()
    await everything?.stop()
    await fixture?.stop()
    await store?.dispose()
    await removeDataDirectory(join(dataDirectory, '..'))
  })

  test('starts the gateway and is told what to do next', async () => {
    await start()
    reportReadyTime('cold')
    expect(gateway.url).toBe(`http://127.0.0.1:${port}`)
    await waitUntil('the terminal to show the next steps', () => gateway.stdout.includes('mcpServers'))
    expect(gateway.stdout).toMatch(new RegExp(`URL\\s+${gateway.url}`))
    expect(gateway.stdout).toContain(dataDirectory)
    expect(gateway.stdout).toContain(`${gateway.url}/api/v1/servers`)
    expect(gateway.stdout).not.toContain(gateway.adminKey)
  })

  test('finds what there is described', async () => {
    const health = await exchange(`${gateway.url}/health`)
    expect(health).toMatchObject({ status: 200, json: { status: 'ok' } })
    const ready = await exchange(`${gateway.url}/ready`)
    expect(ready).toMatchObject({ status: 200, json: { status: 'ready' } })
    const description = await exchange(`${gateway.url}/openapi.json`)
    expect(description).toMatchObject({
      status: 200,
      json: {
        openapi: expect.stringMatching(/^3\./),
        paths: {
          '/api/v1/servers': { post: expect.anything(), get: expect.anything() },
          '/api/v1/servers/{idOrSlug}': {
            get: expect.anything(),
            patch: expect.anything(),
            delete: expect.anything(),
          },
          '/mcp/{slug}': { post: expect.anything(), get: expect.anything(), delete: expect.anything() },
          '/health': { get: expect.anything() },
          '/ready': { get: expect.anything() },
        },
      },
    })
  })

  test('registers a server over the API', async () => {
    const answer = await administrator.register('everything', everything.url, {
      title: 'Everything',
      tags: ['demo'],
    })
    expect(answer.status).toBe(201)
    expect(answer.json).toMatchObject({
      id: expect.any(String),
      slug: 'everything',
      title: 'Everything',
      tags: ['demo'],
      visibility: 'private',
      status: expect.any(String),
      endpoints: [{ transport: 'streamable-http', url: everything.url }],
    })
    expect((await administrator.register('fixture', fixture.url)).status).toBe(201)
    expect(await administrator.slugs()).toEqual(['everything', 'fixture'])
  })

  test('registers a server that cannot be reached, which says so in its state', async () => {
    const answer = await administrator.register('absent', `http://127.0.0.1:${await freePort()}/mcp`)
    expect(answer.status).toBe(201)
    await waitUntil('the state of the absent server', async () => {
      const { json } = await administrator.send('POST', '/servers/absent/probe')
      return typeof json === 'object' && json !== null && 'status' in json && json.status === 'unhealthy'
    })
    expect((await administrator.send('DELETE', '/servers/absent')).status).toBe(204)
    expect((await administrator.send('GET', '/servers/absent')).status).toBe(404)
  })

  test('pastes the shown snippet into a client, and it works', async () => {
    const shown = /^ *\{\s*"mcpServers"[^]*?\n {4}\}$/m.exec(gateway.stdout)?.[0]
    expect(JSON.parse(shown ?? '')).toEqual({
      mcpServers: { everything: expect.objectContaining({ url: mcpUrl('everything') }) },
    })
  })

  describe.each(sdkClients)('$name', ({ name, connect }) => {
    test('connects with a protocol version of the 2025 era', async () => {
      clients.set(name, await connect(mcpUrl('everything')))
      expect(client(name).protocolVersion).toMatch(/^2025-/)
      expect(client(name).sessionId).toMatch(/^[\x21-\x7e]+$/)
    })

    test('gets the same lists as from the server itself', async () => {
      const direct = await connect(everything.url)
      try {
        const [tools, resources, prompts] = await Promise.all([
          direct.listTools(),
          direct.listResources(),
          direct.listPrompts(),
        ])
        expect(tools.length).toBeGreaterThan(5)
        expect(resources.length).toBeGreaterThan(0)
        expect(prompts.length).toBeGreaterThan(0)
        expect(await client(name).listTools()).toEqual(tools)
        expect(await client(name).listResources()).toEqual(resources)
        expect(await client(name).listPrompts()).toEqual(prompts)
        const [resource] = resources
        expect(await client(name).readResource(resource?.uri ?? '')).toEqual(
          await direct.readResource(resource?.uri ?? ''),
        )
      } finally {
        await direct.close()
      }
    })

    test('calls tools', async () => {
      expect(await client(name).callTool('echo', { message: 'Grüße, 世界 🌍' })).toMatchObject({
        content: [{ type: 'text', text: 'Echo: Grüße, 世界 🌍' }],
      })
      expect(await client(name).callTool('get-sum', { a: 2, b: 40 })).toMatchObject({
        content: [{ type: 'text', text: 'The sum of 2 and 40 is 42.' }],
      })
      expect(await client(name).callTool('get-tiny-image')).toMatchObject({
        content: expect.arrayContaining([expect.objectContaining({ type: 'image' })]),
      })
    })

    test('gets prompts', async () => {
      expect(await client(name).getPrompt('args-prompt', { city: 'Aarau', state: 'AG' })).toMatchObject({
        messages: [{ role: 'user', content: { type: 'text', text: "What's weather in Aarau, AG?" } }],
      })
    })

    test('gets progress of a long operation in order, before its result', async () => {
      const events: string[] = []
      await client(name)
        .callTool('trigger-long-running-operation', { duration: 0.4, steps: 4 }, (progress) => {
          events.push(`step ${progress}`)
        })
        .then(() => events.push('result'))
      expect(events).toEqual(['step 1', 'step 2', 'step 3', 'step 4', 'result'])
    })

    test('gets progress while the call still runs', async () => {
      await using holding = await startFixtureServer()
      const slug = `hold-${clients.size}`
      expect((await administrator.register(slug, holding.url)).status).toBe(201)
      const direct = await connect(mcpUrl(slug))
      try {
        // The server answers only after the client has seen the progress: a gateway that held it back would never end.
        const result = await direct.callTool('hold', {}, () => holding.release())
        expect(result).toMatchObject({ content: [{ type: 'text', text: 'released' }] })
      } finally {
        await direct.close()
        await administrator.send('DELETE', `/servers/${slug}`)
      }
    })

    test('gets an error result as a result', async () => {
      const result = await client(name).callTool('get-sum', { a: 'two', b: 40 })
      expect(result).toMatchObject({ isError: true, content: [{ type: 'text' }] })
    })

    test('gets an error of the server as an error', async () => {
      await expect(client(name).readResource('demo://nothing/here')).rejects.toMatchObject({
        code: -32_602,
        message: expect.stringContaining('demo://nothing/here'),
      })
    })
  })

  test('finds everything there after a restart, and connected clients do not notice it', async () => {
    const before = await administrator.send('GET', '/servers')
    expect(await gateway.terminate()).toEqual({ code: 0, signal: null })
    await start()
    reportReadyTime('with an existing data directory')
    const after = await administrator.send('GET', '/servers')
    expect(registrations(after.json)).toEqual(registrations(before.json))
    await expectAllClientsToBeServed()
  })

  test('finds everything there after kill -9, also what was registered just before', async () => {
    expect((await administrator.register('last-minute', fixture.url)).status).toBe(201)
    const killed = gateway
    expect(await killed.kill()).toEqual({ code: null, signal: 'SIGKILL' })
    await start()
    reportReadyTime('after kill -9')
    expect(gateway.adminKey).toBe(killed.adminKey)
    expect(await administrator.slugs()).toEqual(['everything', 'fixture', 'last-minute'])
    await expectAllClientsToBeServed()
    const late = new RawMcpClient(mcpUrl('last-minute'))
    await late.initialize()
    expect((await late.call(1, 'echo', { message: 'here' })).message.result).toMatchObject({
      content: [{ text: 'here' }],
    })
  })

  test('does not have to connect again when the server restarts and forgets its sessions', async () => {
    await everything.restart()
    await expectAllClientsToBeServed()
  })

  test('is told at once, with the id of the call, when the server is dead', async () => {
    await using mortal = await startEverythingServer()
    expect((await administrator.register('mortal', mortal.url)).status).toBe(201)
    const caller = new RawMcpClient(mcpUrl('mortal'))
    await caller.initialize()
    expect((await caller.call('alive', 'echo', { message: 'x' })).message.result).toBeDefined()

    // What the server or the tool says is not a failure of the server, however often.
    for (let call = 0; call < failureThreshold + 1; call += 1) {
      const toolError = await caller.call(`wrong-${call}`, 'get-sum', { a: 'two' })
      expect(toolError.message.result).toMatchObject({ isError: true })
      const serverError = await caller.request(`no-${call}`, 'no/such/method')
      expect(serverError.message.error).toMatchObject({ code: -32_601 })
    }

    await mortal.kill()
    for (let call = 1; call <= failureThreshold; call += 1) {
      const { status, message } = await caller.call(`dead-${call}`, 'echo', { message: 'x' })
      expect(status).toBe(200)
      expect(message.id).toBe(`dead-${call}`)
      expect(message.error?.data).toMatchObject({ reason: 'unreachable', server: 'mortal' })
      expect(JSON.stringify(message)).not.toContain(String(mortal.port))
    }

    // The circuit is open: the server is not even asked.
    const refused = await caller.call(4711, 'echo', { message: 'x' })
    expect(refused.status).toBe(200)
    expect(refused.message.id).toBe(4711)
    expect(refused.message.error?.data).toMatchObject({
      reason: 'circuit_open',
      server: 'mortal',
      retryAfterMs: expect.any(Number),
    })
    expect(refused.message.error?.data?.['retryAfterMs']).toBeGreaterThan(0)
    expect(refused.message.error?.data?.['retryAfterMs']).toBeLessThanOrEqual(60_000)

    // One dead server is nobody else's business.
    await expectAllClientsToBeServed()
    await mortal.restart()

    const answer = await waitUntil(
      'calls to go through again',
      async () => (await caller.call('again', 'echo', { message: 'back' })).message.result,
      { timeoutMs: 30_000, intervalMs: 250 },
    )
    expect(answer).toMatchObject({ content: [{ text: 'Echo: back' }] })
  })

  test('ends the gateway without a trace of trouble', async () => {
    await Promise.all([...clients.values()].map((connected) => connected.close()))
    clients.clear()
    expect(await gateway.terminate()).toEqual({ code: 0, signal: null })
  })

  /** A call with each connected client, in the session that it has had from the start. */
  const expectAllClientsToBeServed = async (): Promise<void> => {
    expect(clients.size).toBe(sdkClients.length)
    for (const [name, connected] of clients) {
      const { sessionId } = connected
      expect(await connected.callTool('echo', { message: name })).toMatchObject({
        content: [{ type: 'text', text: `Echo: ${name}` }],
      })
      expect(connected.sessionId).toBe(sessionId)
    }
  }
})

/** What was registered, without what changes by itself. */
function registrations(list: unknown): unknown {
  if (typeof list !== 'object' || list === null || !('items' in list) || !Array.isArray(list.items)) {
    throw new Error(`not a list of servers: ${JSON.stringify(list)}`)
  }
  return list.items.map(({ id, slug, title, tags, createdAt, endpoints }) => ({
    id,
    slug,
    title,
    tags,
    createdAt,
    urls: endpoints.map(({ url }: { url: string }) => url),
  }))
}
