import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { createSettings, type Logger } from '@mreg/core'
import {
  type FaultProxy,
  type FixtureServer,
  startFaultProxy,
  startFixtureServer,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { createContainer } from '../src/container.ts'
import { Gateway } from '../src/gateway.ts'
import { DataDirectory } from '../src/process/data-directory.ts'
import { ADMIN_KEY } from './support/in-process-gateway.ts'
import { PROGRAM_DIRECTORY } from './support/program-directory.ts'

const TEN_MINUTES_MS = 600_000

// The clock of the wall goes on while a machine sleeps; the one that never goes back stands still.
describe('a machine that slept for ten minutes', { timeout: 90_000 }, () => {
  const resources = new AsyncDisposableStack()
  const logged: string[] = []
  let fixture: FixtureServer
  let proxy: FaultProxy
  let client: Client
  let failureThreshold: number
  /** How much later than it is the clock of the wall says. */
  let sleptMs = 0

  beforeAll(async () => {
    const now = Date.now.bind(Date)
    vi.spyOn(Date, 'now').mockImplementation(() => now() + sleptMs)
    fixture = resources.use(await startFixtureServer())
    proxy = resources.use(await startFaultProxy({ port: fixture.port }))
    const path = mkdtempSync(join(tmpdir(), 'mreg-sleep-'))
    resources.defer(() => rmSync(path, { recursive: true, force: true }))
    const settings = createSettings({
      environment: {
        MREG_ENVIRONMENT: 'testing',
        MREG_DATABASE_URL: 'memory://',
        MREG_PORT: '0',
        MREG_ADMIN_KEY: ADMIN_KEY,
      },
    })
    ;({ failureThreshold } = settings.breaker)
    const data = resources.use(DataDirectory.claim(path))
    const container = await createContainer({
      settings,
      logger: loggerInto(logged),
      data,
      resources,
      programDirectory: PROGRAM_DIRECTORY,
    })
    const url = await container.get(Gateway).start()
    const registered = await fetch(`${url}/api/v1/servers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        slug: 'fixture',
        endpoints: [{ transport: 'streamable-http', url: `http://127.0.0.1:${proxy.port}/mcp` }],
      }),
    })
    expect(registered.status).toBe(201)
    client = new Client({ name: 'test', version: '1' })
    await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp/fixture`)))
    resources.defer(() => client.close())
  })

  afterAll(async () => {
    vi.restoreAllMocks()
    await resources.disposeAsync()
  })

  const echo = async (message: string): Promise<unknown> =>
    (await client.callTool({ name: 'echo', arguments: { message } })).content
  const wakes = (): number => logged.filter((message) => message.includes('has slept')).length
  const sleep = async (): Promise<void> => {
    const before = wakes()
    sleptMs += TEN_MINUTES_MS
    await waitUntil('the gateway to notice', () => wakes() > before, { timeoutMs: 30_000 })
  }

  test('finds its connections gone, and the first call succeeds on a new one', async () => {
    expect(await echo('before')).toEqual([{ type: 'text', text: 'before' }])
    const accepted = proxy.connectionsAccepted
    proxy.reset()
    await sleep()
    expect(await echo('after')).toEqual([{ type: 'text', text: 'after' }])
    expect(proxy.connectionsAccepted).toBeGreaterThan(accepted)
    expect(fixture.executions.filter((execution) => execution.arguments['message'] === 'after')).toHaveLength(
      1,
    )
  })

  test('blames nobody for what fails before the network is back', async () => {
    await sleep()
    await proxy.refuse()
    proxy.reset()
    for (let call = 0; call <= failureThreshold; call += 1)
      await expect(echo('too early')).rejects.toMatchObject({ data: { reason: 'unreachable' } })
    await proxy.accept()
    expect(await echo('in time')).toEqual([{ type: 'text', text: 'in time' }])
  })
})

const loggerInto = (logged: string[]): Logger => {
  const add = (message: string): void => {
    logged.push(message)
  }
  const logger: Logger = { debug: add, info: add, warn: add, error: add, child: () => logger }
  return logger
}
