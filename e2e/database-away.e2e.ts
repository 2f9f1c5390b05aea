import { mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  type FixtureServer,
  type GatewayProcess,
  OwnPostgres,
  removeDataDirectory,
  startFixtureServer,
  startGateway,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'
import { exchange } from './http-exchange.ts'
import { type SdkClient, sdkClients } from './sdk-clients.ts'

const SECRET = 'header-value-that-nobody-may-read'
/** The machine may be busy. */
const PATIENT = { timeout: 60_000, interval: 100 }

const connect = async (url: string): Promise<SdkClient> => {
  const [kind] = sdkClients
  if (kind === undefined) throw new Error('there are no clients')
  return await kind.connect(url)
}

const toolsOf = async (of: SdkClient): Promise<readonly string[]> =>
  (await of.listTools()).map(({ name }) => name)

const sourceOf = async ({ url }: GatewayProcess): Promise<unknown> => {
  const { status, json } = await exchange(`${url}/ready`)
  expect(status).toBe(200)
  return json
}

describe('while PostgreSQL is away', () => {
  let parent: string
  let postgres: OwnPostgres
  let environment: Record<string, string>
  let fixture: FixtureServer
  let vanished: FixtureServer
  let gateway: GatewayProcess
  let replica: GatewayProcess | undefined
  let client: SdkClient
  let key: string

  const start = (name: string): Promise<GatewayProcess> =>
    startGateway({ dataDirectory: join(parent, name), environment })

  beforeAll(async () => {
    const { MREG_TEST_REDIS_URL: redisUrl, MREG_TEST_REDIS_PREFIX: keyPrefix } = process.env
    if (redisUrl === undefined || keyPrefix === undefined) throw new Error('the services are not provided')
    parent = await mkdtemp(join(tmpdir(), 'mreg-e2e-'))
    ;[postgres, fixture, vanished] = await Promise.all([
      OwnPostgres.start(),
      startFixtureServer(),
      startFixtureServer(),
    ])
    const settings = join(parent, 'settings.json')
    await writeFile(settings, JSON.stringify({ cache: { keyPrefix: `${keyPrefix}away:` } }))
    environment = {
      MREG_DATABASE_URL: postgres.url,
      MREG_REDIS_URL: redisUrl,
      MREG_CONFIG: settings,
      MREG_SECRET_KEY: 'one-key-for-all-replicas-of-this-test',
    }
    gateway = await start('one')
    const administrator = new Administrator(gateway)
    const endpoint = { transport: 'streamable-http', url: fixture.url, headers: { 'X-Api-Key': SECRET } }
    await administrator.send('POST', '/servers', { slug: 'fixture', endpoints: [endpoint] })
    await administrator.register('vanished', vanished.url)
    await administrator.send('POST', '/toolsets', {
      slug: 'some',
      items: [{ serverSlug: 'fixture' }],
    })
    const issued = await administrator.send('POST', '/keys', {
      name: 'ada',
      principalId: 'ada',
      role: 'user',
    })
    key = String(Object(issued.json).key)
    expect(key).toMatch(/^mreg_/u)
    client = await connect(`${gateway.url}/mcp`)
    await waitUntil('the tools of both', async () => {
      const tools = await toolsOf(client)
      return ['fixture__echo', 'vanished__echo'].every((name) => tools.includes(name))
    })
    await client.close()
    await gateway.terminate()
    await vanished.stop()
    await postgres.stop()
  })

  afterAll(async () => {
    await client?.close()
    await gateway?.kill()
    await replica?.kill()
    await fixture?.stop()
    await postgres?.remove()
    await removeDataDirectory(parent)
  })

  test('F34 a gateway starts with what it knew, and serves calls and lists; administration waits', async () => {
    gateway = await start('one')
    expect(gateway.stdout).toContain('AWAY')
    expect(await sourceOf(gateway)).toMatchObject({ components: { registry: { source: 'snapshot' } } })

    const one = await connect(`${gateway.url}/mcp/fixture`)
    expect(await one.callTool('echo', { message: 'one' })).toMatchObject({ content: [{ text: 'one' }] })
    expect(fixture.requestHeaders.at(-1)?.['x-api-key']).toBe(SECRET)
    await one.close()

    client = await connect(`${gateway.url}/mcp`)
    // What is away itself is listed as it was: nobody but the snapshot can say so.
    expect(await toolsOf(client)).toEqual(expect.arrayContaining(['fixture__echo', 'vanished__echo']))
    expect(await client.callTool('fixture__echo', { message: 'all' })).toMatchObject({
      content: [{ text: 'all' }],
    })

    const some = await connect(`${gateway.url}/mcp/sets/some`)
    expect(await toolsOf(some)).toContain('fixture__echo')
    await some.close()

    const refused = await new Administrator(gateway).send('GET', '/servers')
    expect(refused).toMatchObject({ status: 503, json: { code: 'database_unavailable' } })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  })

  test('what is kept is for its owner only, and sealed', async () => {
    const directory = join(parent, 'one', 'snapshot')
    const files = await readdir(directory)
    expect(files.length).toBeGreaterThan(1)
    for (const file of files) {
      expect((await stat(join(directory, file))).mode & 0o777).toBe(0o600)
      const content = await readFile(join(directory, file), 'latin1')
      expect(content).toMatch(/^mreg-snapshot \d+ [0-9a-f]{16}\n/u)
      for (const word of [SECRET, key, 'fixture', new URL(fixture.url).host])
        expect(content).not.toContain(word)
    }
  })

  test('F34 a new replica without a disk starts with what the others put into Redis', async () => {
    replica = await start('two')
    const one = await connect(`${replica.url}/mcp/fixture`)
    expect(await one.callTool('echo', { message: 'two' })).toMatchObject({ content: [{ text: 'two' }] })
    await one.close()
    const all = await connect(`${replica.url}/mcp`)
    expect(await toolsOf(all)).toEqual(expect.arrayContaining(['fixture__echo', 'vanished__echo']))
    await all.close()
  })

  test('F34 when it is back, both catch up and follow again, and no client notices', async () => {
    await postgres.start()
    const administrator = new Administrator(gateway)
    await expect.poll(async () => (await administrator.send('GET', '/servers')).status, PATIENT).toBe(200)
    expect((await administrator.register('later', fixture.url)).status).toBe(201)
    await expect.poll(() => toolsOf(client), PATIENT).toContain('later__echo')
    await expect
      .poll(async () => JSON.stringify(await sourceOf(replica ?? gateway)), PATIENT)
      .toContain('"source":"database"')
    const one = await connect(`${replica?.url}/mcp/later`)
    expect(await one.callTool('echo', { message: 'late' })).toMatchObject({ content: [{ text: 'late' }] })
    await one.close()
  })

  test('with a damaged snapshot it starts as without one, and says why it was left aside', async () => {
    const directory = join(parent, 'one', 'snapshot')
    await gateway.kill()
    for (const file of await readdir(directory)) await writeFile(join(directory, file), 'nonsense')
    gateway = await start('one')
    expect(await new Administrator(gateway).slugs()).toEqual(['fixture', 'later', 'vanished'])
  })
})
