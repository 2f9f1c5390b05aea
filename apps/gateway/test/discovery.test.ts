import { startEverythingServer, startFixtureServer } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'

import { InProcessGateway } from './support/in-process-gateway.ts'

const pageSchema = z.object({
  items: z.array(
    z.object({
      name: z.string(),
      ownName: z.string(),
      server: z.string(),
      kind: z.string(),
      definition: z.record(z.string(), z.unknown()),
    }),
  ),
  nextCursor: z.string().optional(),
})
type Found = z.infer<typeof pageSchema>['items'][number]

describe('what servers offer', { timeout: 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  let gateway: InProcessGateway

  const page = async (path: string, key?: string) =>
    gateway.request('GET', `/api/v1/discovery/${path}`, key === undefined ? {} : { key })
  const find = async (path: string, key?: string): Promise<readonly Found[]> =>
    pageSchema.parse((await page(path, key)).json).items
  const names = async (path: string, key?: string): Promise<readonly string[]> =>
    (await find(path, key)).map(({ name }) => name)

  const isThere = async (): Promise<boolean> =>
    (await names('tools?name=all__echo&name=few__echo&name=all__get-sum')).length === 3

  beforeAll(async () => {
    gateway = resources.use(await InProcessGateway.start())
    const everything = resources.use(await startEverythingServer())
    const fixture = await startFixtureServer()
    resources.defer(() => fixture.stop())
    for (const [slug, url] of [
      ['all', everything.url],
      ['few', fixture.url],
    ]) {
      const endpoints = [{ transport: 'streamable-http', url }]
      await gateway.request('POST', '/api/v1/servers', { body: { slug, endpoints } })
    }
    await gateway.request('POST', '/api/v1/toolsets', {
      body: { slug: 'echoes', items: [{ namePattern: 'echo' }] },
    })
    await vi.waitUntil(isThere, { timeout: 20_000 })
  })
  afterAll(() => resources.disposeAsync())

  test('is found by words, the best match first', async () => {
    expect((await names('tools?q=sum'))[0]).toBe('all__get-sum')
    expect((await find('tools?q=sum+two+numbers'))[0]).toMatchObject({
      kind: 'tool',
      server: 'all',
      ownName: 'get-sum',
      definition: { name: 'all__get-sum', inputSchema: { properties: { a: {}, b: {} } } },
    })
    expect(await names('tools?q=zebra')).toEqual([])
  })

  test('is found by several names, by argument, by server and in a toolset', async () => {
    expect(await names('tools?name=echo&name=all__get-sum')).toEqual([
      'all__echo',
      'all__get-sum',
      'few__echo',
    ])
    expect(await names('tools?field=duration')).toEqual(['all__trigger-long-running-operation'])
    expect(await names('tools?server=few&q=echo')).toEqual(['few__echo'])
    expect(await names('tools?set=echoes')).toEqual(['all__echo', 'few__echo'])
    expect(await names('tools?set=none')).toEqual([])
    expect(await names('prompts?field=city')).toEqual(['all__args-prompt'])
  })

  test('is listed with resources before the templates of resources', async () => {
    const kinds = (await find('resources?limit=200')).map(({ kind }) => kind)
    expect(new Set(kinds)).toEqual(new Set(['resource', 'resource_template']))
    expect(kinds).toEqual(kinds.toSorted())
  })

  test.each(['tools?', 'tools?q=e&', 'resources?'])(
    'comes in pages that hold each once: %s',
    async (path) => {
      const whole = await names(`${path}limit=200`)
      const paged: unknown[] = []
      let cursor: string | undefined
      do {
        const { json } = await page(`${path}limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`)
        const { items, nextCursor } = pageSchema.parse(json)
        paged.push(...items.map(({ name }) => name))
        cursor = nextCursor
      } while (cursor !== undefined)
      expect(whole.length).toBeGreaterThan(2)
      expect(paged).toEqual(whole)
    },
  )

  test('is refused behind a cursor that no page gave', async () => {
    expect(await page('tools?cursor=bm9uZQ')).toMatchObject({ status: 400, json: { code: 'invalid_cursor' } })
  })

  test('is found by a key only as far as it may use it', async () => {
    const scopes = { tools: { allow: ['echo'] } }
    const { json } = await gateway.request('POST', '/api/v1/keys', {
      body: { name: 'narrow', role: 'readonly', scopes },
    })
    expect(await names('tools', String(json['key']))).toEqual(['all__echo', 'few__echo'])
    expect(await names('tools?q=sum', String(json['key']))).toEqual([])
  })
})
