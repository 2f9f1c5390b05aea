import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  Client as NewClient,
  StreamableHTTPClientTransport as NewTransport,
} from '@modelcontextprotocol/client'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  type BlackHole,
  type FaultProxy,
  type FixtureServer,
  freePort,
  type GatewayProcess,
  type ModernServer,
  removeDataDirectory,
  startBlackHole,
  startFaultProxy,
  startFixtureServer,
  startGateway,
  startModernServer,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'

type Client = OldClient | NewClient

/** The machine may be busy. */
const PATIENT = { timeout: 60_000, interval: 100 }
/** Far more than a list may take, and far less than the server that hangs. */
const AT_ONCE = { timeout: 10_000 }
const SERVERS = Array.from({ length: 10 }, (_, index) => `server-${index}`)
const [HUNG = '', BLACK = '', ...HEALTHY] = SERVERS
const UNAVAILABLE = 'dev.mreg/unavailable'

const connectOld = async (url: string): Promise<OldClient> => {
  const client = new OldClient({ name: 'old', version: '1' })
  await client.connect(new OldTransport(new URL(url)), AT_ONCE)
  return client
}

const connectNew = async (url: string): Promise<NewClient> => {
  const client = new NewClient(
    { name: 'new', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  await client.connect(new NewTransport(new URL(url)), AT_ONCE)
  return client
}

/** What a client is shown now: whose tool `echo` there is, and which servers are said to be away. */
const shownTo = async (client: Client) => {
  const { _meta: meta, tools } = await client.listTools(undefined, AT_ONCE)
  const away = meta?.[UNAVAILABLE]
  const marks: readonly Readonly<Record<string, unknown>>[] = Array.isArray(away) ? away : []
  const echoes = tools.flatMap(({ name }) => (name.endsWith('__echo') ? [name.slice(0, -6)] : []))
  return { echoes, marks, away: marks.map(({ server }) => server) }
}

const callEcho = (client: Client, slug: string): Promise<unknown> =>
  client instanceof OldClient
    ? client.callTool({ name: `${slug}__echo`, arguments: { message: slug } }, undefined, AT_ONCE)
    : client.callTool({ name: `${slug}__echo`, arguments: { message: slug } }, AT_ONCE)

describe('ten servers behind one endpoint, of both eras', () => {
  let parent: string
  let port: number
  let gateway: GatewayProcess
  let old: FixtureServer
  let modern: ModernServer
  let hole: BlackHole | undefined
  const lines = new Map<string, FaultProxy>()
  let clients: readonly Client[] = []

  const start = async (): Promise<void> => {
    gateway = await startGateway({
      dataDirectory: join(parent, 'data'),
      port,
      environment: { MREG_CONFIG: join(parent, 'settings.json') },
    })
  }
  /** Clients of both eras that have asked nothing yet. */
  const connect = async (): Promise<void> => {
    for (const client of clients) await client.close()
    clients = [await connectOld(`${gateway.url}/mcp`), await connectNew(`${gateway.url}/mcp`)]
  }

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'mreg-e2e-'))
    const catalog = { refreshMs: 1000, minRefreshMs: 1000, retryMs: 200 }
    await writeFile(
      join(parent, 'settings.json'),
      JSON.stringify({ catalog, timeouts: { connectMs: 500, toolCallMs: 5000 } }),
    )
    port = await freePort()
    ;[old, modern] = await Promise.all([startFixtureServer(), startModernServer()])
    await start()
    for (const [index, slug] of SERVERS.entries()) {
      const server = index % 2 === 0 ? old : modern
      const line = await startFaultProxy({ port: server.port })
      lines.set(slug, line)
      const url = server.url.replace(`:${server.port}`, `:${line.port}`)
      expect((await new Administrator(gateway).register(slug, url)).status).toBe(201)
    }
    await connect()
    for (const client of clients)
      await waitUntil('all to be there', async () => {
        const { away, echoes } = await shownTo(client)
        return echoes.length === SERVERS.length && away.length === 0
      })
  })

  afterAll(async () => {
    for (const client of clients) await client.close()
    await gateway?.kill()
    await hole?.[Symbol.asyncDispose]()
    for (const line of lines.values()) await line.stop()
    await old?.stop()
    await modern?.stop()
    await removeDataDirectory(parent)
  })

  test('F23 one hangs and one is dead at the SYN: the list is whole and says so, the others work all the time', async () => {
    lines.get(HUNG)?.pause()
    const { port: deadPort } = lines.get(BLACK) ?? { port: 0 }
    await lines.get(BLACK)?.stop()
    hole ??= await startBlackHole({ port: deadPort })
    await gateway.terminate()
    await start()
    await connect()
    for (const client of clients) {
      // Cold for the first of them, from memory for the second and from then on.
      const { echoes, marks, away } = await shownTo(client)
      expect(echoes).toEqual(SERVERS)
      // Others may not have answered yet, on a busy machine.
      expect(away).toEqual(expect.arrayContaining([HUNG, BLACK]))
      for (const mark of marks)
        expect(mark).toMatchObject({
          since: expect.any(String),
          reason: expect.any(String),
          ageMs: expect.any(Number),
        })
      for (const slug of HEALTHY)
        expect(await callEcho(client, slug)).toMatchObject({ content: [{ text: slug }] })
      await expect(callEcho(client, BLACK)).rejects.toThrow(/"server-1" is unavailable/u)
      await expect
        .poll(() => shownTo(client), PATIENT)
        .toMatchObject({ echoes: SERVERS, away: [HUNG, BLACK] })
    }
  })

  test('F24 all are dead: every list is what was known, and says so, also after a new start', async () => {
    for (const slug of HEALTHY) await lines.get(slug)?.stop()
    for (const client of clients)
      await expect.poll(() => shownTo(client), PATIENT).toMatchObject({ echoes: SERVERS, away: SERVERS })
    await gateway.terminate()
    await start()
    await connect()
    for (const client of clients) {
      const { echoes, away } = await shownTo(client)
      expect(echoes).toEqual(SERVERS)
      expect(away).toEqual(SERVERS)
      for (const slug of HEALTHY) await expect(callEcho(client, slug)).rejects.toThrow(/is unavailable/u)
    }
  })

  test('what comes back is announced, and no longer marked', async () => {
    const [, client] = clients
    if (!(client instanceof NewClient)) throw new Error('there is no client of the newer era')
    let told = 0
    client.setNotificationHandler('notifications/tools/list_changed', () => void (told += 1))
    await client.listen({ toolsListChanged: true })
    lines.get(HUNG)?.resume()
    await expect.poll(() => told, PATIENT).toBeGreaterThan(0)
    for (const each of clients) {
      await expect.poll(async () => (await shownTo(each)).away, PATIENT).not.toContain(HUNG)
      expect((await shownTo(each)).echoes).toEqual(SERVERS)
      expect(await callEcho(each, HUNG)).toMatchObject({ content: [{ text: HUNG }] })
    }
  })
})
