import { mkdtemp, readdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  type FixtureServer,
  type GatewayProcess,
  removeDataDirectory,
  startFixtureServer,
  startGateway,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'
import { exchange } from './http-exchange.ts'
import { RawMcpClient, type RawResponse } from './raw-mcp-client.ts'
import { type Store, stores } from './stores.ts'

describe.each(stores)('the life of the process $name', ({ open }) => {
  let store: Store
  let parent: string
  let dataDirectory: string
  let gateway: GatewayProcess
  let registered = 0
  const fixtures: FixtureServer[] = []

  const start = async (): Promise<void> => {
    gateway = await startGateway({ dataDirectory, environment: store.environment })
  }

  beforeAll(async () => {
    store = await open()
    parent = await mkdtemp(join(tmpdir(), 'mreg-e2e-'))
    dataDirectory = join(parent, 'data')
    await start()
  })

  beforeEach(async () => {
    if (!gateway.isRunning) await start()
  })

  afterAll(async () => {
    await gateway?.kill()
    for (const fixture of fixtures) await fixture.stop()
    await store?.dispose()
    await removeDataDirectory(parent)
  })

  /** Registers a server that only this test uses. */
  const registerFixture = async (): Promise<{ fixture: FixtureServer; slug: string }> => {
    const fixture = await startFixtureServer()
    fixtures.push(fixture)
    registered += 1
    const slug = `fixture-${registered}`
    expect((await new Administrator(gateway).register(slug, fixture.url)).status).toBe(201)
    return { fixture, slug }
  }
  const expectNothingLost = async (): Promise<void> => {
    const slugs = await new Administrator(gateway).slugs()
    expect(slugs).toEqual(Array.from({ length: registered }, (_, index) => `fixture-${index + 1}`).toSorted())
  }
  /** Starts a call that the server holds until it is released. */
  const holdCall = async (): Promise<{ fixture: FixtureServer; response: Promise<RawResponse> }> => {
    const { fixture, slug } = await registerFixture()
    const caller = new RawMcpClient(`${gateway.url}/mcp/${slug}`)
    await caller.initialize()
    const response = caller.call('held', 'hold')
    // Whoever does not look at it any more must not be told by an unhandled rejection.
    response.catch(() => undefined)
    await waitUntil('the server to hold the call', () => fixture.executions.length === 1)
    return { fixture, response }
  }
  /** Waits until the gateway has taken notice of a signal: it is not ready any more. */
  const untilDraining = (): Promise<boolean> =>
    waitUntil('the gateway to stop being ready', () =>
      exchange(`${gateway.url}/ready`).then(
        ({ status }) => status === 503,
        () => true,
      ),
    )

  test('F45 SIGTERM lets a call under way finish, takes no new one, and ends with 0', async () => {
    const { fixture, response } = await holdCall()
    gateway.signal('SIGTERM')
    await untilDraining()

    const late = await new RawMcpClient(`${gateway.url}/mcp/fixture-1`).initialize().then(
      ({ status }) => status,
      () => 'refused',
    )
    expect([503, 'refused']).toContain(late)
    expect(gateway.isRunning).toBe(true)

    fixture.release()
    expect((await response).message).toMatchObject({
      id: 'held',
      result: { content: [{ text: 'released' }] },
    })
    expect(await gateway.exited).toEqual({ code: 0, signal: null })
  })

  test('F45 a second SIGTERM ends it at once, whatever is under way', async () => {
    const { response } = await holdCall()
    gateway.signal('SIGTERM')
    await untilDraining()
    expect(gateway.isRunning).toBe(true)
    gateway.signal('SIGTERM')
    await waitUntil('the process to end', () => !gateway.isRunning, { timeoutMs: 5000 })
    await expect(response).rejects.toThrow(/socket hang up|ECONNRESET/)

    // It is no worse than a crash: nothing is lost.
    await start()
    await expectNothingLost()
  })

  test('Ctrl-C ends it like SIGTERM', async () => {
    gateway.signal('SIGINT')
    expect(await gateway.exited).toEqual({ code: 0, signal: null })
  })

  test('F45 an open stream on which nothing comes does not hold up the end', async () => {
    const { slug } = await registerFixture()
    const caller = new RawMcpClient(`${gateway.url}/mcp/${slug}`)
    await caller.initialize()
    const stream = await fetch(`${gateway.url}/mcp/${slug}`, {
      headers: {
        accept: 'text/event-stream',
        'mcp-session-id': caller.sessionId ?? '',
        'mcp-protocol-version': '2025-11-25',
      },
    })
    expect(stream.status).toBe(200)
    expect(stream.headers.get('content-type')).toMatch(/^text\/event-stream/)
    gateway.signal('SIGTERM')
    await waitUntil('the process to end', () => !gateway.isRunning, { timeoutMs: 10_000 })
    expect(await gateway.exited).toEqual({ code: 0, signal: null })
    await stream.body?.cancel().catch(() => undefined)
  })

  test('the keys are for their owner alone, and the endpoint file goes with the process', async () => {
    expect(await readdir(dataDirectory)).toEqual(
      expect.arrayContaining(['admin.key', 'secret.key', 'endpoint.json']),
    )
    for (const name of ['admin.key', 'secret.key']) {
      const { mode } = await stat(join(dataDirectory, name))
      expect(mode & 0o777).toBe(0o600)
    }
    await gateway.terminate()
    expect(await readdir(dataDirectory)).not.toContain('endpoint.json')
  })

  test('what a killed gateway left in the data directory does not hold up the next one', async () => {
    await gateway.kill()
    expect(await readdir(dataDirectory)).toContain('endpoint.json')
    await start()
    await expectNothingLost()
  })
})
