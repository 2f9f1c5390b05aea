import { randomBytes } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import {
  type GatewayProcess,
  removeDataDirectory,
  startDualEraServer,
  startGateway,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'
import { stores } from './stores.ts'

const SECRET_KEY = randomBytes(32).toString('base64url')
const identity = { name: 'together', version: '1.0.0' }
const capabilities = { elicitation: { form: {} } }
const ANSWER = { action: 'accept' as const, content: { username: 'ada', email: 'ada@example.com' } }

describe('two gateways on PostgreSQL and Redis, between which a balancer chooses by turns', () => {
  const opened = new AsyncDisposableStack()
  const gateways: GatewayProcess[] = []
  let environment: Record<string, string>
  let turn = 0

  const start = async (index: number): Promise<void> => {
    const dataDirectory = gateways[index]?.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'mreg-e2e-')))
    gateways[index] = await startGateway({ dataDirectory, port: gateways[index]?.port, environment })
  }
  /** What a balancer does with what is posted; streams stay where they are. */
  const byTurns: typeof fetch = (input, init) => {
    if (init?.method === 'POST') turn += 1
    const gateway = gateways[init?.method === 'POST' ? turn % gateways.length : 0]
    return fetch(new URL(new Request(input).url.replace(/^https?:\/\/[^/]+/u, ''), gateway?.url), init)
  }
  const urlOf = (path: string): URL => new URL(`${gateways[0]?.url}/mcp${path}`)

  beforeAll(async () => {
    const store = await stores.at(-1)?.open()
    if (store === undefined) throw new Error('there is no store')
    opened.defer(() => store.dispose())
    environment = { ...store.environment, MREG_SECRET_KEY: SECRET_KEY }
    opened.defer(async () => {
      for (const gateway of gateways) {
        await gateway.kill()
        await removeDataDirectory(gateway.dataDirectory)
      }
    })
    await start(0)
    await start(1)
    const [one, two] = gateways
    if (one === undefined || two === undefined) throw new Error('there are no gateways')
    const newer = opened.use(await startDualEraServer({ legacy: 'none' }))
    const older = opened.use(await startDualEraServer({ modern: false }))
    const administrator = new Administrator(one)
    for (const [slug, { url }] of Object.entries({ newer, older }))
      expect((await administrator.register(slug, url)).status).toBe(201)
    const known = async (): Promise<boolean> => (await new Administrator(two).slugs()).length === 2
    await waitUntil('the other gateway to know them', known)
  })
  afterAll(() => opened.disposeAsync())

  const older = async (path: string): Promise<ClientV1> => {
    const client = new ClientV1(identity, { capabilities })
    client.setRequestHandler(ElicitRequestSchema, () => ANSWER)
    await client.connect(new TransportV1(urlOf(path), { fetch: byTurns }))
    return client
  }
  const newer = async (path: string): Promise<ClientV2> => {
    const versionNegotiation = { mode: { pin: '2026-07-28' } } as const
    const client = new ClientV2(identity, { capabilities, versionNegotiation })
    client.setRequestHandler('elicitation/create', () => ANSWER)
    await client.connect(new TransportV2(urlOf(path), { fetch: byTurns }))
    return client
  }

  test.each([
    ['an older client uses an older server', older, '/older', ''],
    ['an older client uses a newer server', older, '/newer', ''],
    ['a newer client uses an older server', newer, '/older', ''],
    ['a newer client uses a newer server', newer, '/newer', ''],
    ['an older client uses an older server among all', older, '', 'older__'],
    ['a newer client uses an older server among all', newer, '', 'older__'],
  ] as const)('%s, which asks in mid call', async (_what, connect, path, prefix) => {
    const client = await connect(path)
    const call = { name: `${prefix}test_elicitation`, arguments: { message: 'Who?' } }
    // By turns, so that what is asked at one is answered at the other, both ways round.
    for (let times = 0; times < 3; times += 1)
      expect(JSON.stringify(await client.callTool(call))).toContain('ada@example.com')
    await client.close()
  })

  test('no client notices that one after the other is killed and started again', async () => {
    const clients = [
      await older('/older'),
      await older('/newer'),
      await newer('/older'),
      await newer('/newer'),
    ]
    for (const index of [0, 1]) {
      await gateways[index]?.kill()
      await start(index)
      for (const client of clients) {
        const call = { name: 'echo', arguments: { message: `still here ${index}` } }
        for (let times = 0; times < 2; times += 1)
          expect(JSON.stringify(await client.callTool(call))).toContain(`still here ${index}`)
      }
    }
    for (const client of clients) await client.close()
  })
})
