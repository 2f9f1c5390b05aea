import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  answerJson,
  type HttpUpstreamHandler,
  removeDataDirectory,
  startGateway,
  startHttpUpstream,
} from '@mreg/testing'
import { expect, test } from 'vitest'

import { Administrator } from './administrator.ts'
import { findNginx, startNginx } from './nginx.ts'

type Era = 'older' | 'newer'

/** How long the tools say nothing, and what is different from the defaults meanwhile. */
interface Silence {
  readonly name: string
  readonly ms: number
  /** Of nginx. */
  readonly directives: readonly string[]
  /** Of the gateway. */
  readonly settings: object
}

/** Everything as it is when nobody says anything: nginx gives up on an answer that is silent for 60 s. */
const LONG: Silence = { name: 'six minutes', ms: 360_000, directives: [], settings: {} }

/** The same with all times short. */
const SHORT: Silence = {
  name: 'eight seconds, with an nginx that waits for five',
  ms: 8000,
  directives: ['proxy_read_timeout 5s;'],
  settings: { timeouts: { streamAfterMs: 500, heartbeatMs: 500 } },
}

const nginx = await findNginx()
const wantsLong = process.env['MREG_TEST_LONG'] === '1'
const skipped = (what: string, why: string): void => {
  process.stderr.write(`\n!!! ${what} behind nginx are NOT tested: ${why}.\n\n`)
}
if (nginx === undefined) skipped('Long calls', 'there is no nginx on this machine (Debian: nginx-light)')
else if (!wantsLong) skipped('Six minutes', 'they take six minutes; MREG_TEST_LONG=1 asks for them')

/** A server of one era with a tool that says nothing for long, and then answers with JSON. */
const silentServer =
  (era: Era, ms: number): HttpUpstreamHandler =>
  ({ method, rpcId: id, rpcMethod }, reply) => {
    if (method !== 'POST') return void reply.writeHead(405).end()
    if (id === undefined) return void reply.writeHead(202).end()
    const answer = (result: object): void => answerJson(reply, { jsonrpc: '2.0', id, result })
    const capabilities = { tools: {} }
    const listed = era === 'newer' ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private' } : {}
    if (rpcMethod === 'tools/list')
      return answer({ ...listed, tools: [{ name: 'think', inputSchema: { type: 'object' } }] })
    if (rpcMethod === 'tools/call') {
      const resultType = era === 'newer' ? { resultType: 'complete' } : {}
      const result = { ...resultType, content: [{ type: 'text', text: 'thought' }] }
      const timer = setTimeout(answer, ms, result)
      reply.once('close', () => clearTimeout(timer))
      return undefined
    }
    if (rpcMethod === 'initialize' && era === 'older')
      return answer({
        protocolVersion: '2025-11-25',
        capabilities,
        serverInfo: { name: 'x', version: '1' },
      })
    if (rpcMethod === 'server/discover' && era === 'newer')
      return answer({ ...listed, supportedVersions: ['2026-07-28'], capabilities })
    const error = { code: -32_601, message: 'Method not found' }
    return answerJson(reply, { jsonrpc: '2.0', id, error }, { status: era === 'newer' ? 404 : 200 })
  }

type Call = (url: URL, name: string, timeoutMs: number) => Promise<unknown>

/** Clients wait long themselves; what is between them and the server is what may give up. */
const CLIENTS: Readonly<Record<string, Call>> = {
  'an older client': async (url, name, timeout) => {
    const client = new ClientV1({ name: 'patient', version: '1' })
    await client.connect(new TransportV1(url))
    const result = await client.callTool({ name, arguments: {} }, undefined, { timeout })
    await client.close()
    return result
  },
  'a newer client': async (url, name, timeout) => {
    const versionNegotiation = { mode: { pin: '2026-07-28' } }
    const client = new ClientV2({ name: 'patient', version: '1' }, { versionNegotiation })
    await client.connect(new TransportV2(url))
    const result = await client.callTool({ name, arguments: {} }, { timeout })
    await client.close()
    return result
  },
}

const namesAt = async (url: URL): Promise<readonly string[]> => {
  const client = new ClientV1({ name: 'patient', version: '1' })
  await client.connect(new TransportV1(url))
  const { tools } = await client.listTools()
  await client.close()
  return tools.map(({ name }) => name)
}

const SILENCES = nginx === undefined ? [] : wantsLong ? [SHORT, LONG] : [SHORT]

test.runIf(nginx !== undefined).each(SILENCES)(
  'tools of both eras that are silent for $name answer both kinds of clients, through one server and all as one',
  { timeout: 600_000 },
  async ({ directives, ms, settings }) => {
    const root = await mkdtemp(join(tmpdir(), 'mreg-nginx-'))
    try {
      await using older = await startHttpUpstream(silentServer('older', ms))
      await using newer = await startHttpUpstream(silentServer('newer', ms))
      const configuration = join(root, 'settings.json')
      await writeFile(configuration, JSON.stringify(settings))
      await using gateway = await startGateway({
        dataDirectory: join(root, 'data'),
        environment: { MREG_CONFIG: configuration },
      })
      const administrator = new Administrator(gateway)
      for (const [slug, { url }] of [['older', older] as const, ['newer', newer] as const])
        expect(await administrator.register(slug, url)).toMatchObject({ status: 201 })
      await using front = await startNginx({
        executable: nginx ?? '',
        directory: join(root, 'nginx'),
        locations: { '/mcp': gateway.url, '/directly': newer.url },
        directives,
      })

      // The first merged list waits only a moment for servers that have just come.
      await expect
        .poll(() => namesAt(new URL(`${front.url}/mcp`)), { timeout: 60_000 })
        .toEqual(['newer__think', 'older__think'])

      // What happens to such a call when there is no gateway.
      const directly = fetch(`${front.url}/directly`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'think' } }),
      }).then(({ status }) => status)
      const calls = Object.entries(CLIENTS).flatMap(([client, call]) =>
        (['older', 'newer'] as const).flatMap((server) =>
          [
            [`/mcp/${server}`, 'think'],
            ['/mcp', `${server}__think`],
          ].map(async ([path = '', name = '']) => {
            const result = await call(new URL(`${front.url}${path}`), name, ms + 60_000)
            return [`${client}: ${name} through ${path}`, result] as const
          }),
        ),
      )
      const [status, ...answers] = await Promise.all([directly, ...calls])
      expect(status).toBe(504)
      const results = Object.fromEntries(answers)
      expect(Object.keys(results)).toHaveLength(8)
      for (const [what, result] of Object.entries(results))
        expect({ what, result }).toMatchObject({ what, result: { content: [{ text: 'thought' }] } })
    } finally {
      await removeDataDirectory(root)
    }
  },
)
