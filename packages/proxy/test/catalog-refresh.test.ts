import type { Client as ModernClient } from '@modelcontextprotocol/client'
import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { createMemoryCache } from '@mreg/cache'
import { freePort, startFaultProxy, startFixtureServer, startHttpUpstream } from '@mreg/testing'
import { isJsonObject } from '@mreg/upstream'
import { describe, expect, test } from 'vitest'

import { LookSchedule } from '../src/merged/look-schedule.ts'
import { mergedRoute } from '../src/merged/merged-route.ts'
import { SharedLooks } from '../src/merged/shared-looks.ts'
import { startListingServer } from './support/listing-server.ts'
import { allTools, CLIENTS, connectNew } from './support/merged-clients.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { openMerged } from './support/open-merged.ts'
import { registered } from './support/open-proxy.ts'

/** The machine may be busy. */
const PATIENT = { timeout: 20_000 }
const SILENT = { ttlMs: 0, cacheScope: 'private' } as const
const ECHO = { name: 'late__echo', arguments: { message: 'hi' } }

const resultOf = async (client: Client | ModernClient) => {
  const { _meta: meta, ...result } = await client.listTools()
  return { ...result, away: meta?.['dev.mreg/unavailable'] }
}

describe('a server is asked what it offers', () => {
  test('when it is registered and when it is changed, before anybody wants to know', async () => {
    await using server = await startListingServer(SILENT)
    await using open = await openMerged()
    const entry = registered(server.url, { slug: 'one' })
    open.register(entry)
    await expect.poll(() => server.listed, PATIENT).toBe(1)
    open.register({ ...entry, revision: entry.revision + 1, title: 'Another' })
    await expect.poll(() => server.listed, PATIENT).toBe(2)
    const { client, close } = await connectNew(open.url)
    expect(await allTools(client)).toEqual(['one__echo'])
    expect(server.listed).toBe(2)
    await close()
  })

  test('but not before somebody wants to know, where there are very many', async () => {
    await using server = await startListingServer(SILENT)
    await using open = await openMerged({ maxUnasked: 1 })
    open.register(registered(server.url, { slug: 'one' }), registered(server.url, { slug: 'two' }))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(server.listed).toBe(0)
    const { client, close } = await connectNew(open.url)
    expect(await allTools(client)).toEqual(['one__echo', 'two__echo'])
    await close()
  })

  test('again when its lists are no longer good, as it says', async () => {
    await using short = await startListingServer({ ttlMs: 20, cacheScope: 'public' })
    await using silent = await startListingServer(SILENT)
    await using open = await openMerged({ refreshMs: 600_000, minRefreshMs: 20 })
    open.register(registered(short.url, { slug: 'short' }), registered(silent.url, { slug: 'silent' }))
    await expect.poll(() => short.listed, PATIENT).toBeGreaterThan(5)
    expect(silent.listed).toBe(1)
  })

  test('by one of several gateways: whoever has time to wait for it need not ask', async () => {
    await using cache = createMemoryCache()
    const looks = new SharedLooks(cache)
    const looked = { tenantId: 'default', serverId: 'one', revision: 1, scopeKey: '' }
    const route = mergedRoute('default')
    await looks.note(looked, 60_000)
    const asked: string[] = []
    const scheduled = (name: string, revision: number): LookSchedule => {
      const times = { minRefreshMs: 10, refreshMs: 10, retryMs: 10 }
      const look = (): void => void asked.push(name)
      const schedule = new LookSchedule({ looks, processesOf: () => undefined, timeouts: times, look })
      const last = { failures: name === 'away' ? 1 : 0, isTold: false, ttlMs: undefined }
      schedule.next(route, { ...looked, revision }, last)
      return schedule
    }
    const schedules = [scheduled('same', 1), scheduled('changed', 2), scheduled('away', 1)]
    await expect.poll(() => asked.toSorted(), PATIENT).toEqual(['away', 'changed'])
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(asked).not.toContain('same')
    for (const schedule of schedules) schedule.end()
  })
})

describe.each(CLIENTS)('to a client %s', (_, connect) => {
  test('a tool of a server that has just been registered can be called before the server was asked', async () => {
    await using server = await startFixtureServer()
    await using slow = await startFaultProxy({ port: server.port })
    await using open = await openMerged({ firstListMs: 1 })
    const { client, close } = await connect(open.url)
    expect(await allTools(client)).toEqual([])
    slow.setLatency(25)
    open.register(registered(server.url.replace(`:${server.port}`, `:${slow.port}`), { slug: 'late' }))
    expect(await client.callTool(ECHO)).toMatchObject({ content: [{ text: 'hi' }] })
    await close()
  })

  test('a server that has not answered yet is missing in the list, which says so', async () => {
    await using hung = await startHttpUpstream(() => {})
    await using good = await startFixtureServer()
    await using open = await openMerged({ firstListMs: 500 })
    open.register(registered(hung.url, { slug: 'hung' }), registered(good.url, { slug: 'good' }))
    const { client, close } = await connect(open.url)
    const { away, tools } = await resultOf(client)
    expect(tools.map(({ name }) => name)).toContain('good__echo')
    expect(away).toMatchObject([{ server: 'hung', code: 'not_answered_yet', since: expect.any(String) }])
    await close()
  })

  test('F24 all are away and nothing was ever known of them: an error that says why, and never an empty list', async () => {
    await using open = await openMerged()
    for (const slug of ['late', 'later'])
      open.register(registered(`http://127.0.0.1:${await freePort()}/mcp`, { slug }))
    const { client, close } = await connect(open.url)
    const reasons = /"late": Server "late" is unavailable.*"later": Server "later" is unavailable/u
    await expect.poll(() => client.listTools().catch(String), PATIENT).toMatch(reasons)
    await expect(client.listPrompts()).rejects.toThrow(reasons)
    await expect(client.callTool(ECHO)).rejects.toThrow(/What the server "late" offers is not known/u)
    await close()
  })
})

test('a merged list is good for as long, and for whom, as the list of every server in it', async () => {
  await using hour = await startListingServer({ ttlMs: 3_600_000, cacheScope: 'public' })
  await using second = await startListingServer({ ttlMs: 1000, cacheScope: 'public' })
  await using own = await startListingServer({ ttlMs: 3_600_000, cacheScope: 'private' })
  await using silent = await startListingServer(SILENT)
  await using open = await openMerged({ minRefreshMs: 600_000 })
  const freshness = async (slug: string): Promise<readonly [number, unknown]> => {
    let result: unknown
    const list = async (): Promise<string> => {
      const { last } = await sendModern({ proxy: open.merged }, 'tools/list')
      result = last['result']
      return JSON.stringify(result)
    }
    await expect.poll(list, PATIENT).toContain(`${slug}__echo`)
    if (!isJsonObject(result)) throw new Error('there is no list')
    return [Number(result['ttlMs']), result['cacheScope']]
  }
  open.register(registered(hour.url, { slug: 'hour' }))
  // A server may be registered at any time.
  expect(await freshness('hour')).toEqual([5000, 'public'])
  open.register(registered(second.url, { slug: 'second' }))
  const [ttlMs, scope] = await freshness('second')
  expect(ttlMs).toBeLessThanOrEqual(1000)
  expect(scope).toBe('public')
  open.register(registered(own.url, { slug: 'own' }))
  expect((await freshness('own'))[1]).toBe('private')
  open.register(registered(silent.url, { slug: 'silent' }))
  expect(await freshness('silent')).toEqual([0, 'private'])
})
