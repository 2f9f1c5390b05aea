import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Client as ModernClient, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import {
  type EverythingServer,
  type FixtureServer,
  freePort,
  type GatewayProcess,
  removeDataDirectory,
  startEverythingServer,
  startFixtureServer,
  startGateway,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'
import { builtCommandLine, runMreg } from './mreg-command.ts'
import { type SdkClient, sdkClients } from './sdk-clients.ts'

const SET = ['everything__get-sum', 'say']

const namesSeenBy = async (client: SdkClient | ModernClient | Client): Promise<readonly string[]> => {
  const listed = await client.listTools()
  return ('tools' in listed ? listed.tools : listed).map(({ name }) => name)
}

describe('a toolset of a running gateway', () => {
  let parent: string
  let port: number
  let gateway: GatewayProcess
  let everything: EverythingServer
  let fixture: FixtureServer
  let administrator: Administrator

  const start = async (): Promise<void> => {
    gateway = await startGateway({ dataDirectory: join(parent, 'data'), port })
    administrator = new Administrator(gateway)
  }
  const setUrl = (): string => `${gateway.url}/mcp/sets/few`

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'mreg-e2e-'))
    port = await freePort()
    ;[everything, fixture] = await Promise.all([startEverythingServer(), startFixtureServer()])
    await start()
    await administrator.register('everything', everything.url)
    await administrator.register('fixture', fixture.url)
    const answer = await administrator.send('POST', '/toolsets', {
      slug: 'few',
      items: [
        { serverSlug: 'everything', namePattern: '*-sum' },
        { serverSlug: 'fixture', namePattern: 'echo', rename: 'say', description: 'Says it.' },
      ],
    })
    expect(answer).toMatchObject({ status: 201, json: { slug: 'few', revision: 1 } })
  })

  afterAll(async () => {
    await gateway?.kill()
    await everything?.stop()
    await fixture?.stop()
    await removeDataDirectory(parent)
  })

  test('is the same for clients of both eras, over HTTP and over the bridge, and across a restart', async () => {
    const modern = new ModernClient(
      { name: 'new', version: '1' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    )
    await modern.connect(new StreamableHTTPClientTransport(new URL(setUrl())))
    const overStdio = new Client({ name: 'desktop', version: '1' })
    await overStdio.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [builtCommandLine, 'stdio', 'sets/few'],
        env: { PATH: process.env['PATH'] ?? '', MREG_DATA_DIR: join(parent, 'data') },
        stderr: 'ignore',
      }),
    )
    const older = await Promise.all(sdkClients.map(({ connect }) => connect(setUrl())))
    const expectSet = async (): Promise<void> => {
      for (const client of [modern, overStdio, ...older])
        await expect.poll(() => namesSeenBy(client), { timeout: 30_000, interval: 200 }).toEqual(SET)
      for (const client of [modern, overStdio]) {
        expect(await client.callTool({ name: 'say', arguments: { message: 'hi' } })).toMatchObject({
          content: [{ text: 'hi' }],
        })
        const outside = client.callTool({ name: 'everything__echo', arguments: { message: 'hi' } })
        await expect(outside).rejects.toThrow(/Nothing is known/u)
      }
      for (const client of older)
        expect(await client.callTool('everything__get-sum', { a: 1, b: 2 })).toMatchObject({
          content: [{ text: expect.stringContaining('3') }],
        })
    }
    await expectSet()
    const offer = { tools: 2, estimatedTokens: expect.any(Number) }
    expect(await administrator.send('GET', '/toolsets/few')).toMatchObject({ json: { offer } })
    expect(await administrator.send('GET', '/servers/fixture')).toMatchObject({
      json: { offer: { tools: expect.any(Number) } },
    })
    const listed = await runMreg(['list'], { MREG_DATA_DIR: join(parent, 'data') })
    expect(listed.stdout).toMatch(/^sets\/few +2 +\d+$/mu)
    await gateway.kill()
    await start()
    await expectSet()
    for (const client of [modern, overStdio, ...older]) await client.close()
  })

  test('is changed and removed over the API, and served so from then on', async () => {
    const sdkClient = await sdkClients[0]?.connect(setUrl())
    if (sdkClient === undefined) throw new Error('no client')
    const changed = await administrator.send('PATCH', '/toolsets/few', {
      items: [{ serverSlug: 'fixture' }, { effect: 'exclude', namePattern: '*o*' }],
      revision: 1,
    })
    expect(changed).toMatchObject({ status: 200, json: { revision: 2 } })
    const names = await namesSeenBy(sdkClient)
    expect(names).toContain('fixture__fail')
    expect(names.every((name) => /^fixture__[^o]+$/u.test(name))).toBe(true)
    expect(await administrator.send('PATCH', '/toolsets/few', { title: 'late', revision: 1 })).toMatchObject({
      status: 412,
      json: { code: 'revision_mismatch' },
    })
    expect(
      await administrator.send('POST', '/toolsets', { slug: 'bad', items: [{ namePattern: 'a**' }] }),
    ).toMatchObject({
      status: 400,
      json: { code: 'invalid_input', faults: [{ path: 'items.0.namePattern' }] },
    })
    expect(await administrator.send('GET', '/toolsets')).toMatchObject({ json: { items: [{ slug: 'few' }] } })
    expect(await administrator.send('DELETE', '/toolsets/few')).toMatchObject({ status: 204 })
    await expect(sdkClient.listTools()).rejects.toThrow(/There is no toolset/u)
    await sdkClient.close()
  })
})
