import type { ServerResponse } from 'node:http'

import { httpResponse, startScriptedUpstream } from '@mreg/testing'
import { expect, test } from 'vitest'

import { HttpPool, type RelayResponse } from '../src/index.ts'
import { failureOf } from './support/failure-of.ts'
import { startHttpServer } from './support/http-server.ts'

/** A server that answers when the test says so, in the order of arrival. */
async function startHoldingServer(): Promise<
  Awaited<ReturnType<typeof startHttpServer>> & { readonly held: ServerResponse[] }
> {
  const held: ServerResponse[] = []
  const server = await startHttpServer((_request, response) => held.push(response))
  return Object.assign(server, { held })
}

const finish = async (request: Promise<RelayResponse>): Promise<string> =>
  (await (await request).body.bytes()).toString()

test('over the limit of an origin requests wait, and go on in order as places become free', async () => {
  await using server = await startHoldingServer()
  await using pool = new HttpPool({ maxConnectionsPerOrigin: 2, timeouts: { queueMs: 5_000 } })
  const requests = ['a', 'b', 'c', 'd'].map((name) =>
    finish(pool.relay({ url: new URL(`/${name}`, server.url), method: 'GET' })),
  )
  await expect.poll(() => server.held.length).toBe(2)
  expect(pool.stats()).toMatchObject({ open: 2, active: 2, queued: 2 })
  expect(pool.stats().origins.get(server.url.origin)).toEqual({ open: 2, idle: 0, active: 2, queued: 2 })
  for (let index = 0; index < 4; index += 1) {
    await expect.poll(() => server.held.length).toBeGreaterThan(index)
    server.held[index]?.end(String(index))
  }
  expect(await Promise.all(requests)).toEqual(['0', '1', '2', '3'])
  expect(server.requests.map(({ url }) => url)).toEqual(['/a', '/b', '/c', '/d'])
  expect(server.connectionsAccepted).toBe(2)
  expect(pool.stats()).toMatchObject({ open: 2, idle: 2, active: 0, queued: 0 })
})

test('a full queue refuses at once, a wait in it has a limit, and both are certain that nothing was sent', async () => {
  await using server = await startHoldingServer()
  await using pool = new HttpPool({
    maxConnectionsPerOrigin: 1,
    maxQueuedRequestsPerOrigin: 1,
    timeouts: { queueMs: 200 },
  })
  const first = finish(pool.relay({ url: server.url, method: 'GET' }))
  await expect.poll(() => server.held.length).toBe(1)
  const waiting = failureOf(pool.relay({ url: server.url, method: 'GET' }))
  const refused = await failureOf(pool.relay({ url: server.url, method: 'GET' }))
  expect(refused).toMatchObject({ reason: 'queue_full', requestSent: false })
  expect(await waiting).toMatchObject({ reason: 'queue_timeout', requestSent: false })
  expect(pool.stats()).toMatchObject({ active: 1, queued: 0 })
  server.held[0]?.end('done')
  expect(await first).toBe('done')
  expect(server.requests.length).toBe(1)
})

test('an aborted wait leaves the queue', async () => {
  await using server = await startHoldingServer()
  await using pool = new HttpPool({ maxConnectionsPerOrigin: 1 })
  const first = finish(pool.relay({ url: server.url, method: 'GET' }))
  await expect.poll(() => server.held.length).toBe(1)
  const controller = new AbortController()
  const waiting = failureOf(pool.relay({ url: server.url, method: 'GET', signal: controller.signal }))
  expect(pool.stats().queued).toBe(1)
  controller.abort()
  expect(await waiting).toMatchObject({ reason: 'aborted', requestSent: false })
  expect(pool.stats().queued).toBe(0)
  server.held[0]?.end('done')
  await first
  expect(server.requests.length).toBe(1)
})

test('the limit of the whole pool holds across origins, and every origin gets its turn', async () => {
  await using one = await startHoldingServer()
  await using two = await startHoldingServer()
  await using pool = new HttpPool({ maxConnections: 1, timeouts: { queueMs: 5_000 } })
  const requests = [one, one, two, one, two].map((server) =>
    finish(pool.relay({ url: server.url, method: 'GET' })),
  )
  const served: string[] = []
  for (let count = 1; count <= 5; count += 1) {
    await expect.poll(() => one.held.length + two.held.length).toBe(1)
    expect(pool.stats()).toMatchObject({ active: 1, queued: 5 - count })
    expect(pool.stats().open).toBe(1)
    served.push(one.held.length === 1 ? 'one' : 'two')
    const response = one.held.pop() ?? two.held.pop()
    response?.end('x')
    await expect.poll(() => response?.writableFinished).toBe(true)
  }
  await Promise.all(requests)
  expect(served.slice(0, 3)).toContain('two')
  expect(served.toSorted()).toEqual(['one', 'one', 'one', 'two', 'two'])
})

test('at the limit of open connections an idle one of another origin makes room', async () => {
  await using servers = await startServers(3)
  await using pool = new HttpPool({ maxConnections: 2 })
  for (const server of servers.all) await finish(pool.relay({ url: server.url, method: 'GET' }))
  expect(pool.stats().open).toBe(2)
  await expect.poll(() => servers.all.map(({ connectionsOpen }) => connectionsOpen)).toEqual([0, 1, 1])
})

test('idle connections are bounded, per origin and in all', async () => {
  await using servers = await startServers(2, 100)
  const burst = async (pool: HttpPool): Promise<void> => {
    const requests = servers.all.flatMap(({ url }) =>
      [1, 2, 3, 4].map(() => finish(pool.relay({ url, method: 'GET' }))),
    )
    await Promise.all(requests)
  }
  await using perOrigin = new HttpPool({ maxIdleConnectionsPerOrigin: 2 })
  await burst(perOrigin)
  await expect.poll(() => perOrigin.stats()).toMatchObject({ open: 4, idle: 4 })
  await using inAll = new HttpPool({ maxIdleConnections: 3 })
  await burst(inAll)
  await expect.poll(() => inAll.stats()).toMatchObject({ open: 3, idle: 3 })
  await using none = new HttpPool({ maxIdleConnectionsPerOrigin: 0 })
  await burst(none)
  await expect.poll(() => none.stats()).toMatchObject({ open: 0, idle: 0 })
})

test('an idle connection is closed when it expires', async () => {
  await using servers = await startServers(1)
  await using pool = new HttpPool({ keepAliveMs: 150 })
  await finish(pool.relay({ url: servers.all[0]!.url, method: 'GET' }))
  expect(pool.stats()).toMatchObject({ open: 1, idle: 1 })
  await expect.poll(() => pool.stats()).toMatchObject({ open: 0, idle: 0 })
  expect(pool.stats().origins.size).toBe(0)
  await expect.poll(() => servers.all[0]?.connectionsOpen).toBe(0)
})

test('an idle connection is closed a second before the peer would, and not kept for less', async () => {
  await using upstream = await startScriptedUpstream((connection) => [
    'read-request',
    { send: httpResponse(200, { 'Keep-Alive': `timeout=${connection === 1 ? 1 : 2}, max=100` }, 'ok') },
  ])
  await using pool = new HttpPool({ keepAliveMs: 30_000 })
  const url = new URL(upstream.url)
  await finish(pool.relay({ url, method: 'GET' }))
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
  await finish(pool.relay({ url, method: 'GET' }))
  expect(pool.stats()).toMatchObject({ open: 1, idle: 1 })
  await expect.poll(() => pool.stats().open, { timeout: 4_000 }).toBe(0)
})

test('the expiry of idle connections does not cut a slow response', async () => {
  await using servers = await startServers(1, 400)
  await using pool = new HttpPool({ keepAliveMs: 100 })
  expect(await finish(pool.relay({ url: servers.all[0]!.url, method: 'GET' }))).toBe('ok')
})

test.each([
  ['maxConnections', 0],
  ['maxConnectionsPerOrigin', 1.5],
  ['maxIdleConnections', -1],
  ['keepAliveMs', 0],
  ['maxQueuedRequestsPerOrigin', -1],
  ['maxResponseBytes', 0],
  ['closeTimeoutMs', Number.NaN],
])('the option %s of %d is refused by name', (option, value) => {
  expect(() => new HttpPool({ [option]: value })).toThrow(new RegExp(`^HttpPool option ${option} must be`))
})

test('a time-out of 0 is refused by name', () => {
  expect(() => new HttpPool({ timeouts: { connectMs: 0 } })).toThrow(/timeouts\.connectMs/)
})

async function startServers(
  count: number,
  delayMs = 0,
): Promise<AsyncDisposable & { readonly all: Awaited<ReturnType<typeof startHttpServer>>[] }> {
  const all = await Promise.all(
    Array.from({ length: count }, () =>
      startHttpServer((_request, response) => void setTimeout(() => response.end('ok'), delayMs)),
    ),
  )
  return {
    all,
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((server) => server[Symbol.asyncDispose]()))
    },
  }
}
