import { once } from 'node:events'
import http from 'node:http'

import { httpResponse, startScriptedUpstream } from '@mreg/testing'
import { expect, test } from 'vitest'

import { createHttpClient } from '../src/got.ts'
import { HttpPool } from '../src/index.ts'
import { failureOf } from './support/failure-of.ts'
import { startHttpServer } from './support/http-server.ts'

test('closing lets what runs and what waits finish, refuses what comes, and leaves no connection', async () => {
  const gate = Promise.withResolvers<void>()
  await using upstream = await startScriptedUpstream([
    'read-request',
    { until: gate.promise },
    { send: httpResponse(200, {}, 'late') },
  ])
  const pool = new HttpPool({ maxConnectionsPerOrigin: 1 })
  const url = new URL(upstream.url)
  const running = pool.relay({ url, method: 'GET' }).then((response) => response.body.bytes())
  const queued = pool.relay({ url, method: 'GET' }).then((response) => response.body.bytes())
  await expect.poll(() => upstream.requests.length).toBe(1)
  const closing = pool.close()
  expect(pool.close()).toBe(closing)
  expect(await failureOf(pool.relay({ url, method: 'GET' }))).toMatchObject({
    reason: 'closed',
    requestSent: false,
  })
  expect(await failureOf(pool.reserve(url))).toMatchObject({ reason: 'closed', requestSent: false })
  gate.resolve()
  expect((await running).toString()).toBe('late')
  expect((await queued).toString()).toBe('late')
  await closing
  expect(pool.stats()).toEqual({ open: 0, idle: 0, active: 0, queued: 0, origins: new Map() })
})

test('closing cuts what is not over at its deadline', async () => {
  await using upstream = await startScriptedUpstream(['read-request'])
  const pool = new HttpPool({ closeTimeoutMs: 100, maxConnectionsPerOrigin: 1 })
  const url = new URL(upstream.url)
  const running = failureOf(pool.relay({ url, method: 'GET' }))
  const queued = failureOf(pool.relay({ url, method: 'GET' }))
  await expect.poll(() => upstream.requests.length).toBe(1)
  await pool.close()
  expect(await running).toMatchObject({ reason: 'closed', requestSent: true })
  expect(await queued).toMatchObject({ reason: 'closed', requestSent: false })
  expect(pool.stats()).toMatchObject({ open: 0, active: 0, queued: 0 })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

test('closing ends idle connections at once', async () => {
  await using server = await startHttpServer((_request, response) => response.end('ok'))
  const pool = new HttpPool()
  await (await pool.relay({ url: server.url, method: 'GET' })).body.bytes()
  expect(pool.stats().idle).toBe(1)
  await pool.close()
  expect(pool.stats().open).toBe(0)
  await expect.poll(() => server.connectionsOpen).toBe(0)
})

test('destroying cuts heads, bodies, waits and requests of the other form, now', async () => {
  await using upstream = await startScriptedUpstream((connection) =>
    connection === 1
      ? ['read-request', { send: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart' }]
      : ['read-request'],
  )
  const pool = new HttpPool({ maxConnectionsPerOrigin: 3 })
  const url = new URL(upstream.url)
  const response = await pool.relay({ url, method: 'GET' })
  const body = failureOf(response.body.bytes())
  const head = failureOf(pool.relay({ url, method: 'GET' }))
  const got = failureOf(createHttpClient(pool).get(url))
  await expect.poll(() => upstream.requests.length).toBe(3)
  const queued = failureOf(pool.relay({ url, method: 'GET' }))
  const reserved = failureOf(pool.reserve(url))
  pool.destroy()
  pool.destroy()
  for (const failure of [await body, await head, await got]) {
    expect(failure).toMatchObject({ reason: 'closed', requestSent: true })
  }
  for (const failure of [await queued, await reserved]) {
    expect(failure).toMatchObject({ reason: 'closed', requestSent: false })
  }
  await pool.close()
  expect(pool.stats()).toEqual({ open: 0, idle: 0, active: 0, queued: 0, origins: new Map() })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

test('a pool that was never used closes', async () => {
  await expect(new HttpPool().close()).resolves.toBeUndefined()
  expect(() => new HttpPool().destroy()).not.toThrow()
  await expect(new HttpPool()[Symbol.asyncDispose]()).resolves.toBeUndefined()
})

test('the agents of a closed pool open no connection', async () => {
  await using server = await startHttpServer((_request, response) => response.end('ok'))
  const pool = new HttpPool()
  await pool.close()
  const request = http.get(server.url, { agent: pool.agents.http })
  await expect(once(request, 'response')).rejects.toThrow('the pool is closed')
  expect(server.connectionsAccepted).toBe(0)
})

test('a reservation holds a place until it is released', async () => {
  await using server = await startHttpServer((_request, response) => response.end('ok'))
  await using pool = new HttpPool({ maxConnectionsPerOrigin: 1, timeouts: { queueMs: 5_000 } })
  const place = await pool.reserve(server.url)
  const waiting = pool.relay({ url: server.url, method: 'GET' })
  expect(pool.stats()).toMatchObject({ active: 1, queued: 1 })
  place.release()
  place.release()
  expect((await (await waiting).body.bytes()).toString()).toBe('ok')

  const held = await pool.reserve(server.url)
  const late = await failureOf(pool.reserve(server.url, { queueMs: 50 }))
  expect(late).toMatchObject({ reason: 'queue_timeout', requestSent: false })
  const controller = new AbortController()
  const aborted = failureOf(pool.reserve(server.url, { signal: controller.signal }))
  controller.abort(new Error('enough'))
  expect(await aborted).toMatchObject({ reason: 'aborted', cause: new Error('enough') })
  held.release()
  expect(pool.stats()).toMatchObject({ active: 0, queued: 0 })
})
