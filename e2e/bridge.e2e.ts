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
  dualEraStdioServer,
  type GatewayProcess,
  removeDataDirectory,
  startDualEraServer,
  startGateway,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'

const identity = { name: 'bridge', version: '1.0.0' }
const capabilities = { elicitation: { form: {} } }
const ANSWER = { action: 'accept' as const, content: { username: 'ada', email: 'ada@example.com' } }

const connectOlder = async (url: string): Promise<ClientV1> => {
  const client = new ClientV1(identity, { capabilities })
  client.setRequestHandler(ElicitRequestSchema, () => ANSWER)
  await client.connect(new TransportV1(new URL(url)))
  return client
}

const connectNewer = async (url: string): Promise<ClientV2> => {
  const client = new ClientV2(identity, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } })
  client.setRequestHandler('elicitation/create', () => ANSWER)
  await client.connect(new TransportV2(new URL(url)))
  return client
}

describe('clients and servers of different eras, through the built gateway', () => {
  const opened = new AsyncDisposableStack()
  let dataDirectory: string
  let gateway: GatewayProcess

  const start = (port?: number): Promise<GatewayProcess> => startGateway({ dataDirectory, port })
  const urlOf = (slug: string): string => `${gateway.url}/mcp/${slug}`

  beforeAll(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), 'mreg-bridge-'))
    gateway = await start()
    const administrator = new Administrator(gateway)
    const newer = opened.use(await startDualEraServer({ legacy: 'none' }))
    const older = opened.use(await startDualEraServer({ modern: false }))
    const endpoints = {
      'newer-http': { transport: 'streamable-http', url: newer.url },
      'older-http': { transport: 'streamable-http', url: older.url },
      'older-sse': { transport: 'sse', url: older.sseUrl },
      'newer-stdio': { transport: 'stdio', ...dualEraStdioServer('modern') },
      'older-stdio': { transport: 'stdio', ...dualEraStdioServer('legacy') },
    }
    for (const [slug, endpoint] of Object.entries(endpoints)) {
      const answer = await administrator.send('POST', '/servers', { slug, endpoints: [endpoint] })
      expect(answer).toMatchObject({ status: 201 })
    }
  })

  afterAll(async () => {
    await gateway?.kill()
    await opened.disposeAsync()
    await removeDataDirectory(dataDirectory)
  })

  test.each(['newer-http', 'newer-stdio'])(
    'an older client uses %s, which asks in mid call',
    async (slug) => {
      const client = await connectOlder(urlOf(slug))
      expect((await client.listTools()).tools.length).toBeGreaterThan(10)
      const asked = await client.callTool({ name: 'test_elicitation', arguments: { message: 'Who?' } })
      expect(JSON.stringify(asked)).toContain('ada@example.com')
      await client.close()
    },
  )

  test.each(['older-http', 'older-sse', 'older-stdio'])(
    'a newer client uses %s, which asks in mid call',
    async (slug) => {
      const client = await connectNewer(urlOf(slug))
      expect((await client.listTools()).tools.length).toBeGreaterThan(10)
      const asked = await client.callTool({ name: 'test_elicitation', arguments: { message: 'Who?' } })
      expect(JSON.stringify(asked)).toContain('ada@example.com')
      await client.close()
    },
  )

  test('neither client notices that the gateway was killed and started again', async () => {
    const older = await connectOlder(urlOf('newer-http'))
    const newer = await connectNewer(urlOf('older-http'))
    const { port } = gateway
    await gateway.kill()
    gateway = await start(port)
    const call = { name: 'echo', arguments: { message: 'still here' } }
    expect(JSON.stringify(await older.callTool(call))).toContain('still here')
    expect(JSON.stringify(await newer.callTool(call))).toContain('still here')
    await older.close()
    await newer.close()
  })
})
