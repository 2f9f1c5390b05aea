import { randomUUID } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import {
  type FixtureServer,
  type GatewayProcess,
  type ModernServer,
  OwnPostgres,
  removeDataDirectory,
  startFixtureServer,
  startGateway,
  startModernServer,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'
import { exchange } from './http-exchange.ts'
import { findNginx } from './nginx.ts'
import { RawMcpClient, responseOf } from './raw-mcp-client.ts'
import { type ReadyBalancer, startReadyBalancer } from './ready-balancer.ts'

if ((await findNginx()) === undefined)
  process.stderr.write(
    '\n!!! Gateways behind nginx are NOT tested while PostgreSQL is away, but behind a balancer of our own: there is no nginx on this machine (Debian: nginx-light).\n\n',
  )

/** Between calls of one client, in milliseconds. */
const PAUSE_MS = 20
/** How long each minute is here. */
const MINUTE_MS = 150

/** Sends one call and gives the message that came back. */
type Call = (tool: string, message: string) => Promise<unknown>

const legacyCaller = async (url: string, headers: Readonly<Record<string, string>>): Promise<Call> => {
  const client = new RawMcpClient(url, headers)
  expect(await client.initialize()).toMatchObject({ status: 200 })
  return async (tool, message) => (await client.call(message, tool, { message })).message
}

const modernCaller =
  (url: string, headers: Readonly<Record<string, string>>): Call =>
  async (tool, message) => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1.0.0' },
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const answer = await exchange(url, {
      method: 'POST',
      headers: {
        ...headers,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': tool,
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: message,
        method: 'tools/call',
        params: { name: tool, arguments: { message }, _meta: meta },
      }),
    })
    return responseOf(answer).message
  }

/** Puts the clocks of a gateway ahead until they are so many minutes ahead. */
const untilAhead = async (gateway: GatewayProcess, minutes: number): Promise<void> => {
  for (let minute = 1; minute <= minutes; minute += 1) {
    const says = `the clock is ${minute} min ahead`
    if (gateway.stdout.includes(says)) continue
    gateway.signal('SIGUSR2')
    await waitUntil(says, () => gateway.stdout.includes(says))
  }
}

type Caller = readonly [tool: string, call: Call]

interface Load {
  readonly sent: readonly string[]
  /** Calls that had another answer than their own, or none. */
  readonly failures: readonly { readonly message: string; readonly answer: unknown }[]
  /** Ends it, when what is under way has its answer. */
  stop(): Promise<void>
}

/** Has everybody call, one call after the other, each with a message of its own. */
const keepCalling = (callers: readonly Caller[]): Load => {
  const sent: string[] = []
  const failures: { message: string; answer: unknown }[] = []
  const over = new AbortController()
  const calling = callers.map(async ([tool, call]) => {
    while (!over.signal.aborted) {
      const message = randomUUID()
      sent.push(message)
      const answer = await call(tool, message).catch((error: unknown) => String(error))
      if (!JSON.stringify(answer).includes(`"text":"${message}"`)) failures.push({ message, answer })
      await delay(PAUSE_MS)
    }
  })
  return {
    sent,
    failures,
    stop: async () => {
      over.abort()
      await Promise.all(calling)
    },
  }
}

describe('PostgreSQL is away for ten minutes, behind a load balancer that asks /ready', () => {
  let parent: string
  let postgres: OwnPostgres
  let older: FixtureServer
  let newer: ModernServer
  let environment: Record<string, string>
  let gateways: GatewayProcess[]
  let balancer: ReadyBalancer
  let key: string

  const start = (name: string): Promise<GatewayProcess> =>
    startGateway({ dataDirectory: join(parent, name), environment })

  beforeAll(async () => {
    const { MREG_TEST_REDIS_URL: redisUrl, MREG_TEST_REDIS_PREFIX: keyPrefix } = process.env
    if (redisUrl === undefined || keyPrefix === undefined) throw new Error('the services are not provided')
    parent = await mkdtemp(join(tmpdir(), 'mreg-e2e-'))
    ;[postgres, older, newer] = await Promise.all([
      OwnPostgres.start(),
      startFixtureServer(),
      startModernServer(),
    ])
    const settings = join(parent, 'settings.json')
    await writeFile(
      settings,
      JSON.stringify({ cache: { keyPrefix: `${keyPrefix}replaced:` }, timeouts: { leaveMs: 1500 } }),
    )
    environment = {
      MREG_DATABASE_URL: postgres.url,
      MREG_REDIS_URL: redisUrl,
      MREG_CONFIG: settings,
      MREG_AUTH_MODE: 'required',
      MREG_SECRET_KEY: 'one-key-for-all-replicas-of-this-test',
      NODE_OPTIONS: `--import=${new URL('clock-ahead.ts', import.meta.url).href}`,
    }
    gateways = [await start('one'), await start('two')]
    const administrator = new Administrator(gateways[0]!)
    for (const [slug, url] of [['older', older.url] as const, ['newer', newer.url] as const])
      expect(await administrator.register(slug, url)).toMatchObject({ status: 201 })
    const issued = await administrator.send('POST', '/keys', {
      name: 'ada',
      principalId: 'ada',
      role: 'user',
    })
    key = String(Object(issued.json).key)
    balancer = await startReadyBalancer(
      parent,
      gateways.map(({ url }) => url),
    )
  })

  afterAll(async () => {
    await balancer?.[Symbol.asyncDispose]()
    for (const gateway of gateways ?? []) await gateway.kill()
    await Promise.all([older?.stop(), newer?.stop()])
    await postgres?.remove()
    await removeDataDirectory(parent)
  })

  /** Clients of both eras, at the one server, at the other, and at both as one. */
  const openCallers = async (): Promise<readonly Caller[]> => {
    const headers = { authorization: `Bearer ${key}` }
    const { url } = balancer
    return [
      ['echo', await legacyCaller(`${url}/mcp/older`, headers)],
      ['echo', modernCaller(`${url}/mcp/newer`, headers)],
      ['older__echo', await legacyCaller(`${url}/mcp`, headers)],
      ['newer__echo', modernCaller(`${url}/mcp`, headers)],
      ['echo', await legacyCaller(`${url}/mcp/newer`, headers)],
      ['older__echo', modernCaller(`${url}/mcp`, headers)],
    ]
  }

  const executed = (): string[] =>
    [...older.executions, ...newer.executions].map(({ arguments: given }) => String(given['message']))

  test('one gateway is replaced meanwhile, and no call of either era fails, or is executed twice', async () => {
    const callers = await openCallers()
    // Before, so that every server is known to every gateway.
    for (const [tool, call] of callers)
      await expect
        .poll(() => call(tool, 'before'), { timeout: 30_000 })
        .toMatchObject({ result: { content: [{ text: 'before' }] } })
    const load = keepCalling(callers)

    await postgres.stop()
    const [first, second] = gateways
    if (first === undefined || second === undefined) throw new Error('there are no gateways')
    for (let minute = 1; minute <= 10; minute += 1) {
      if (minute === 4) {
        await first.terminate()
        const third = await start('three')
        gateways = [second, third]
        await untilAhead(third, minute)
        balancer.watch(gateways.map(({ url }) => url))
        await waitUntil('the new one to be used', () => balancer.ready.includes(third.url))
      }
      await Promise.all(
        gateways.filter(({ isRunning }) => isRunning).map((gateway) => untilAhead(gateway, minute)),
      )
      await delay(MINUTE_MS)
    }
    await load.stop()

    expect(load.failures).toEqual([])
    expect(await first.exited).toMatchObject({ code: 0 })
    for (const gateway of gateways) expect(gateway.stdout).toContain('10 min ahead')
    expect(gateways[1]?.stdout).toContain('AWAY')
    expect(
      executed()
        .filter((message) => message !== 'before')
        .toSorted(),
    ).toEqual(load.sent.toSorted())
    process.stdout.write(`${load.sent.length} calls through ${balancer.name}, none failed\n`)
  })

  test('F52: one gateway is killed, and only what it had at that moment is lost: sessions of both eras go on', async () => {
    const callers = await openCallers()
    const known = new Set(executed())
    const load = keepCalling(callers)
    const someMore = (): Promise<boolean> => {
      const before = load.sent.length
      return waitUntil('more calls', () => load.sent.length >= before + callers.length * 10)
    }
    await someMore()
    const [killed, left] = gateways
    if (killed === undefined || left === undefined) throw new Error('there are no gateways')
    await killed.kill()
    await waitUntil('the balancer to know it', () => !balancer.ready.includes(killed.url))
    const lost = load.failures.length
    await someMore()
    await load.stop()
    gateways = [left]

    // Of each client, the one call that was under way; and when everybody knows, none.
    expect(lost).toBeLessThanOrEqual(callers.length)
    expect(load.failures).toHaveLength(lost)
    const since = executed().filter((message) => !known.has(message))
    expect(new Set(since).size).toBe(since.length)
    const failed = new Set(load.failures.map(({ message }) => message))
    expect(since).toEqual(expect.arrayContaining(load.sent.filter((message) => !failed.has(message))))
  })
})
