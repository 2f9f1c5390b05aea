import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  Client as NewClient,
  StreamableHTTPClientTransport as NewTransport,
} from '@modelcontextprotocol/client'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import {
  type DualEraServer,
  type EverythingServer,
  type GatewayProcess,
  removeDataDirectory,
  startDualEraServer,
  startEverythingServer,
  startGateway,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'

type Client = OldClient | NewClient
type Json = Readonly<Record<string, unknown>>

/** The machine may be busy. */
const PATIENT = { timeout: 60_000, interval: 200 }
const ANSWER = { action: 'accept' as const, content: { username: 'ada', email: 'ada@example.org' } }

const connectOld = async (url: string): Promise<Client> => {
  const client = new OldClient({ name: 'old', version: '1' }, { capabilities: { elicitation: {} } })
  client.setRequestHandler(ElicitRequestSchema, () => ANSWER)
  await client.connect(new OldTransport(new URL(url)))
  return client
}

const connectNew = async (url: string): Promise<Client> => {
  const client = new NewClient(
    { name: 'new', version: '1' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  client.setRequestHandler('elicitation/create', () => ANSWER)
  await client.connect(new NewTransport(new URL(url)))
  return client
}

const call = (
  client: Client,
  name: string,
  input: Record<string, unknown> = {},
  onprogress?: (progress: { readonly progress: number }) => void,
): Promise<unknown> => {
  const options = onprogress === undefined ? {} : { onprogress }
  return client instanceof OldClient
    ? client.callTool({ name, arguments: input }, undefined, options)
    : client.callTool({ name, arguments: input }, options)
}

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null

/** The URIs of links and of embedded resources in the result of a tool. */
const urisIn = (result: unknown): readonly string[] => {
  const content = isJson(result) && Array.isArray(result['content']) ? result['content'] : []
  return content.flatMap((block: unknown) => {
    if (!isJson(block)) return []
    const { resource, uri } = block
    const found = isJson(resource) ? resource['uri'] : uri
    return typeof found === 'string' ? [found] : []
  })
}

// The published server that has everything, twice: what the second has needs other URIs than what the first has.
describe('through one endpoint', () => {
  let directory: string
  let gateway: GatewayProcess
  let everything: EverythingServer
  let asking: readonly DualEraServer[]

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mreg-e2e-'))
    asking = await Promise.all([
      startDualEraServer({ modern: false }),
      startDualEraServer({ legacy: 'none' }),
    ])
    ;[everything, gateway] = await Promise.all([
      startEverythingServer(),
      startGateway({ dataDirectory: directory, environment: { MREG_DATABASE_URL: 'memory://' } }),
    ])
    const administrator = new Administrator(gateway)
    const [older, newer] = asking.map(({ url }) => url)
    for (const [slug, url] of [
      ['first', everything.url],
      ['second', everything.url],
      ['older', older],
      ['newer', newer],
    ] as const)
      expect(await administrator.register(slug, url ?? '')).toMatchObject({ status: 201 })
  })

  afterAll(async () => {
    await gateway?.kill()
    await everything?.stop()
    for (const server of asking ?? []) await server.stop()
    await removeDataDirectory(directory)
  })

  describe.each([
    ['older', connectOld],
    ['newer', connectNew],
  ])('a client of the %s era', (_era, connect) => {
    let client: Client
    beforeAll(async () => {
      client = await connect(`${gateway.url}/mcp`)
    })
    afterAll(() => client?.close())

    const readsBack = async (uri: string): Promise<void> => {
      expect(await client.readResource({ uri })).toMatchObject({ contents: [{ uri }] })
    }

    test('reads what a result links to and what it embeds by the URI that stands there', async () => {
      const prefixes = new Set<boolean>()
      for (const slug of ['first', 'second']) {
        const links = urisIn(await call(client, `${slug}__get-resource-links`, { count: 4 }))
        expect(links).toHaveLength(4)
        const input = { resourceType: 'Text', resourceId: 3 }
        const embedded = urisIn(await call(client, `${slug}__get-resource-reference`, input))
        expect(embedded).toHaveLength(1)
        for (const uri of [...links, ...embedded]) {
          prefixes.add(uri.startsWith('mcp.'))
          await readsBack(uri)
        }
      }
      expect(prefixes).toEqual(new Set([true, false]))
    })

    test('reads what is listed, and what it makes from a template, of both servers', async () => {
      await expect
        .poll(async () => (await client.listResourceTemplates()).resourceTemplates.length, PATIENT)
        .toBeGreaterThanOrEqual(4)
      const { resourceTemplates } = await client.listResourceTemplates()
      const made = resourceTemplates
        .filter(({ uriTemplate }) => uriTemplate.includes('demo://'))
        .map(({ uriTemplate }) => uriTemplate.replace(/\{\w+\}/u, '1'))
      expect(made.filter((uri) => uri.startsWith('mcp.'))).toHaveLength(made.length / 2)
      for (const uri of made) await readsBack(uri)
      const { resources } = await client.listResources()
      const listed = resources.map(({ uri }) => uri).filter((uri) => uri.includes('demo://'))
      expect(listed.filter((uri) => uri.startsWith('mcp.'))).toHaveLength(listed.length / 2)
      for (const uri of listed) await readsBack(uri)
    })

    test('hears of the progress of a call before its result', async () => {
      const heard: number[] = []
      const input = { duration: 0.3, steps: 3 }
      await call(client, 'second__trigger-long-running-operation', input, ({ progress }) =>
        heard.push(progress),
      )
      expect(heard).toEqual([1, 2, 3])
    })

    test.each(['older', 'newer'])('is asked in mid call by a server of the %s era', async (slug) => {
      expect(await call(client, `${slug}__test_elicitation`, { message: 'Who?' })).toMatchObject({
        content: [{ text: expect.stringContaining('ada@example.org') }],
      })
    })
  })
})
