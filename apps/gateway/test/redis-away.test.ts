import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { CacheToken } from '@mreg/composition'
import { createSettings, silentLogger } from '@mreg/core'
import { freePort, startFixtureServer } from '@mreg/testing'
import { expect, test } from 'vitest'

import { createContainer } from '../src/container.ts'
import { Gateway } from '../src/gateway.ts'
import { DataDirectory } from '../src/process/data-directory.ts'
import { ADMIN_KEY } from './support/in-process-gateway.ts'

/** Starts a gateway in this process; `environment` decides where its cache is. */
const startGateway = async (resources: AsyncDisposableStack, environment: Record<string, string>) => {
  const path = mkdtempSync(join(tmpdir(), 'mreg-gateway-'))
  resources.defer(() => rmSync(path, { recursive: true, force: true }))
  const settings = createSettings({
    environment: {
      MREG_ENVIRONMENT: 'testing',
      MREG_DATABASE_URL: 'memory://',
      MREG_PORT: '0',
      MREG_ADMIN_KEY: ADMIN_KEY,
      ...environment,
    },
  })
  const data = resources.use(DataDirectory.claim(path))
  const foundation = {
    settings,
    logger: silentLogger,
    data,
    resources,
    programDirectory: import.meta.dirname,
  }
  const container = await createContainer(foundation)
  return { url: await container.get(Gateway).start(), cache: container.get(CacheToken) }
}

const post = (url: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      authorization: `Bearer ${ADMIN_KEY}`,
      ...headers,
    },
    body: JSON.stringify(body),
  })

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
}
const LIST = { jsonrpc: '2.0', id: 2, method: 'tools/list' }

test(
  'a gateway whose Redis is away starts, shows it, serves sessions, ends them, and closes',
  { timeout: 60_000 },
  async () => {
    await using server = await startFixtureServer()
    await using resources = new AsyncDisposableStack()
    const redisUrl = `redis://127.0.0.1:${await freePort()}`
    const { url, cache } = await startGateway(resources, { MREG_REDIS_URL: redisUrl })

    const ready = await fetch(`${url}/ready`)
    expect(ready.status).toBe(200)
    expect(await ready.json()).toMatchObject({
      status: 'ready',
      components: { cache: { kind: 'redis', connected: false } },
    })

    const registered = await post(`${url}/api/v1/servers`, {
      slug: 'fixture',
      endpoints: [{ transport: 'streamable-http', url: server.url }],
    })
    expect(registered.status).toBe(201)
    const opened = await post(`${url}/mcp/fixture`, INITIALIZE)
    expect(opened.status).toBe(200)
    const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
    expect((await post(`${url}/mcp/fixture`, LIST, session)).status).toBe(200)
    const headers = { ...session, authorization: `Bearer ${ADMIN_KEY}` }
    expect((await fetch(`${url}/mcp/fixture`, { method: 'DELETE', headers })).status).toBe(204)
    expect((await post(`${url}/mcp/fixture`, LIST, session)).status).toBe(404)
    // That of the session's end, and those of answers that could have stood in for the server.
    expect(cache.stats()).toMatchObject({ connected: false, droppedWrites: expect.any(Number) })
    expect(cache.stats().droppedWrites).toBeGreaterThanOrEqual(2)
  },
)
