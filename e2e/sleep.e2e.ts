import { randomUUID } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import {
  type FaultProxy,
  type FixtureServer,
  type GatewayProcess,
  removeDataDirectory,
  startFaultProxy,
  startFixtureServer,
  startGateway,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'
import { type SdkClient, sdkClients } from './sdk-clients.ts'

/** A little more than the gap from which on the gateway takes itself for asleep. */
const SLEEP_MS = 12_000

// A laptop that is closed and opened again: the process stands still, and the network forgets its connections.
describe('a gateway that slept', () => {
  let dataDirectory: string
  let fixture: FixtureServer
  let proxy: FaultProxy
  let gateway: GatewayProcess
  let clients: readonly { readonly name: string; readonly client: SdkClient }[]

  beforeAll(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), 'mreg-e2e-'))
    fixture = await startFixtureServer()
    proxy = await startFaultProxy({ port: fixture.port })
    gateway = await startGateway({ dataDirectory })
    await new Administrator(gateway).register('fixture', `http://127.0.0.1:${proxy.port}/mcp`)
    clients = await Promise.all(
      sdkClients.map(async ({ name, connect }) => ({
        name,
        client: await connect(`${gateway.url}/mcp/fixture`),
      })),
    )
  })

  afterAll(async () => {
    gateway?.signal('SIGCONT')
    for (const { client } of clients ?? []) await client.close()
    await gateway?.kill()
    await proxy?.stop()
    await fixture?.stop()
    await removeDataDirectory(dataDirectory)
  })

  /** A call by each client, at once; gives what each was answered. */
  const echo = (when: string): Promise<readonly unknown[]> =>
    Promise.all(clients.map(({ name, client }) => client.callTool('echo', { message: `${name}, ${when}` })))
  /** Every client has its answer, and the server was asked once by each. */
  const expectAnswered = (answers: readonly unknown[], when: string): void => {
    expect(answers).toMatchObject(
      clients.map(({ name }) => ({ content: [{ type: 'text', text: `${name}, ${when}` }] })),
    )
    const asked = fixture.executions.map((execution) => String(execution.arguments['message']))
    expect(asked.filter((message) => message.endsWith(when)).toSorted()).toEqual(
      clients.map(({ name }) => `${name}, ${when}`).toSorted(),
    )
  }
  /** Stands still, and loses every connection to the server meanwhile. */
  const sleep = async (): Promise<void> => {
    gateway.signal('SIGSTOP')
    await waitUntil('a connection to lose', () => proxy.connectionsOpen > 0)
    proxy.reset()
    await delay(SLEEP_MS)
  }

  test('answers the first call after it', { timeout: 120_000 }, async () => {
    const attempt = randomUUID()
    expectAnswered(await echo(`before ${attempt}`), `before ${attempt}`)
    await sleep()
    gateway.signal('SIGCONT')
    expectAnswered(await echo(`after ${attempt}`), `after ${attempt}`)
  })

  test('answers a call that came while it slept', { timeout: 120_000 }, async () => {
    const attempt = randomUUID()
    expectAnswered(await echo(`before ${attempt}`), `before ${attempt}`)
    await sleep()
    // Taken by the system on behalf of the process, which finds it when it wakes.
    const waiting = echo(`meanwhile ${attempt}`)
    await delay(1_000)
    gateway.signal('SIGCONT')
    expectAnswered(await waiting, `meanwhile ${attempt}`)
  })

  test('has told the log, and takes the server for healthy', async () => {
    await waitUntil('the log', () => gateway.stderr.includes('the machine has slept'))
    const administrator = new Administrator(gateway)
    // Awake for an instant in all, it may not have kept its first probe yet; what it keeps is never that the server is bad.
    const health = await waitUntil('a status', async () => {
      const { json } = await administrator.send('GET', '/servers/fixture/health')
      return statusOf(json) === 'unknown' ? undefined : json
    })
    expect(health).toMatchObject({ status: 'healthy' })
  })
})

const statusOf = (health: unknown): unknown =>
  typeof health === 'object' && health !== null && 'status' in health ? health.status : undefined
