import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  type EverythingServer,
  type FixtureServer,
  freePort,
  type GatewayProcess,
  publishedServer,
  removeDataDirectory,
  startEverythingServer,
  startFixtureServer,
  startGateway,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'
import { type SdkClient, sdkClients } from './sdk-clients.ts'

const namesSeenBy = async (client: SdkClient): Promise<readonly string[]> =>
  (await client.listTools()).map(({ name }) => name)

const url = (address: string): readonly object[] => [{ transport: 'streamable-http', url: address }]

describe('all servers through one endpoint', () => {
  let parent: string
  let port: number
  let gateway: GatewayProcess
  let everything: EverythingServer
  let fixture: FixtureServer
  const clients: { readonly name: string; readonly client: SdkClient }[] = []

  const start = async (): Promise<void> => {
    gateway = await startGateway({ dataDirectory: join(parent, 'data'), port })
  }
  const register = async (body: object): Promise<void> => {
    expect(await new Administrator(gateway).send('POST', '/servers', body)).toMatchObject({ status: 201 })
  }

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'mreg-e2e-'))
    await writeFile(join(parent, 'note.txt'), 'kept in a file')
    port = await freePort()
    ;[everything, fixture] = await Promise.all([startEverythingServer(), startFixtureServer()])
    await start()
    await register({ slug: 'everything', endpoints: url(everything.url) })
    await register({ slug: 'fixture', endpoints: url(fixture.url) })
    await register({ slug: 'nobody', endpoints: url(`http://127.0.0.1:${await freePort()}/mcp`) })
    const files = publishedServer('filesystem')
    await register({
      slug: 'files',
      endpoints: [{ transport: 'stdio', ...files, args: [...files.args, parent] }],
    })
    for (const { name, connect } of sdkClients)
      clients.push({ name, client: await connect(`${gateway.url}/mcp`) })
  })

  afterAll(async () => {
    for (const { client } of clients) await client.close()
    await gateway?.kill()
    await everything?.stop()
    await fixture?.stop()
    await removeDataDirectory(parent)
  })

  test('lists what every server has that answers, and calls it', async () => {
    for (const { client } of clients) {
      await expect
        .poll(() => namesSeenBy(client), { timeout: 60_000, interval: 200 })
        .toEqual(expect.arrayContaining(['everything__echo', 'files__read_text_file', 'fixture__echo']))
      expect(await client.callTool('everything__echo', { message: 'one' })).toMatchObject({
        content: [{ text: 'Echo: one' }],
      })
      expect(await client.callTool('fixture__echo', { message: 'two' })).toMatchObject({
        content: [{ text: 'two' }],
      })
      const file = await client.callTool('files__read_text_file', { path: join(parent, 'note.txt') })
      expect(JSON.stringify(file)).toContain('kept in a file')
      expect(await client.readResource('fixture://greeting')).toMatchObject({
        contents: [{ uri: 'fixture://greeting', text: 'hello from fixture' }],
      })
    }
  })

  test('is the same endpoint after the gateway was killed and started again: no client notices', async () => {
    await gateway.kill()
    await start()
    for (const { client } of clients) {
      await expect
        .poll(() => namesSeenBy(client), { timeout: 60_000, interval: 200 })
        .toContain('fixture__echo')
      expect(await client.callTool('fixture__echo', { message: 'again' })).toMatchObject({
        content: [{ text: 'again' }],
      })
    }
  })

  test('shows what it knew of a server that was already away when the gateway was started', async () => {
    await gateway.kill()
    await everything.stop()
    await start()
    for (const { client } of clients) {
      // After a crash, the database may take a while on a busy machine.
      await expect
        .poll(() => namesSeenBy(client), { timeout: 60_000, interval: 200 })
        .toEqual(expect.arrayContaining(['everything__echo', 'files__read_text_file', 'fixture__echo']))
      const call = client.callTool('everything__echo', { message: 'anybody?' })
      await expect(call).rejects.toThrow(/Server "everything" is unavailable/u)
    }
  })
})
