import { randomBytes, randomUUID } from 'node:crypto'

import type { Cache } from '@mreg/cache'
import { createRedisCache } from '@mreg/cache/redis'
import type { RegisteredServer } from '@mreg/registry'
import {
  type FaultProxy,
  type FixtureServer,
  startFaultProxy,
  startFixtureServer,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { callOf, clientOf, initialize, type TestClient } from './support/exchanges.ts'
import { openProxy, type OpenProxy, registered } from './support/open-proxy.ts'

const ECHO = callOf('echo', { message: 'hi' })
const KEYS = [randomBytes(32).toString('base64url')]
const REDIS = new URL(process.env['MREG_TEST_REDIS_URL'] ?? 'redis://127.0.0.1')

const statusOf = async (client: TestClient): Promise<number> => (await client.ask(ECHO)).status

describe('two gateways on one Redis', () => {
  let server: FixtureServer
  let fixture: RegisteredServer
  let way: FaultProxy
  let keyPrefix: string

  beforeAll(async () => {
    server = await startFixtureServer()
    fixture = registered(server.url)
    way = await startFaultProxy({ host: REDIS.hostname, port: Number(REDIS.port || 6379) })
  })

  afterAll(async () => {
    await way?.stop()
    await server?.stop()
  })

  beforeEach(() => {
    keyPrefix = `${process.env['MREG_TEST_REDIS_PREFIX'] ?? ''}sessions:${randomUUID()}:`
  })

  /** A gateway whose way to Redis can be broken. */
  const openGateway = async (): Promise<OpenProxy & { readonly cache: Cache }> => {
    const url = new URL(REDIS)
    url.hostname = '127.0.0.1'
    url.port = String(way.port)
    const cache = createRedisCache({ url: url.href, keyPrefix, maxReconnectDelayMs: 100 })
    const open = openProxy({ keys: KEYS, cache })
    open.register(fixture)
    await waitUntil('Redis', () => cache.stats().connected)
    return {
      ...open,
      cache,
      async [Symbol.asyncDispose]() {
        await open[Symbol.asyncDispose]()
        await cache[Symbol.asyncDispose]()
      },
    }
  }

  test('a session that is ended at one is refused by the other, which has used it', async () => {
    await using one = await openGateway()
    await using two = await openGateway()
    const client = await initialize(one.proxy)
    const elsewhere = clientOf(two.proxy, client.token)
    expect(await statusOf(elsewhere)).toBe(200)
    const asked = two.cache.stats().misses
    await client.ask(undefined, { method: 'DELETE' })
    await waitUntil('the refusal', async () => (await statusOf(elsewhere)) === 404)
    const executed = server.executions.length
    expect(await statusOf(elsewhere)).toBe(404)
    expect(server.executions).toHaveLength(executed)
    // It was told, it did not ask.
    expect(two.cache.stats()).toMatchObject({ hits: 0, misses: asked })
  })

  test('a session that was ended is refused by a gateway that started afterwards', async () => {
    let token: string
    {
      await using one = await openGateway()
      const client = await initialize(one.proxy)
      ;({ token } = client)
      expect(await statusOf(client)).toBe(200)
      await client.ask(undefined, { method: 'DELETE' })
    }
    const executed = server.executions.length
    await using restarted = await openGateway()
    const client = clientOf(restarted.proxy, token)
    expect(await Promise.all([statusOf(client), statusOf(client)])).toEqual([404, 404])
    expect(await statusOf(client)).toBe(404)
    expect(server.executions).toHaveLength(executed)
    // Asked once, for all of them.
    expect(restarted.cache.stats()).toMatchObject({ hits: 1, misses: 0 })
  })

  test('Redis is not asked about a session that began here, and once about one that began elsewhere', async () => {
    await using one = await openGateway()
    await using two = await openGateway()
    const client = await initialize(one.proxy)
    const elsewhere = clientOf(two.proxy, client.token)
    for (let call = 0; call < 3; call += 1) {
      expect(await statusOf(client)).toBe(200)
      expect(await statusOf(elsewhere)).toBe(200)
    }
    expect(one.cache.stats()).toMatchObject({ hits: 0, misses: 0 })
    expect(two.cache.stats()).toMatchObject({ hits: 0, misses: 1 })
  })

  test('sessions go on without Redis, and their ends are told when it is back', async () => {
    await using one = await openGateway()
    await using two = await openGateway()
    const client = await initialize(one.proxy)
    const elsewhere = clientOf(two.proxy, client.token)
    expect(await statusOf(elsewhere)).toBe(200)
    await way.refuse()
    way.reset()
    await waitUntil('the loss', () => !one.cache.stats().connected && !two.cache.stats().connected)
    const another = await initialize(one.proxy)
    expect(await statusOf(another)).toBe(200)
    expect(await statusOf(clientOf(two.proxy, another.token))).toBe(200)
    for (const { ask } of [client, another])
      expect((await ask(undefined, { method: 'DELETE' })).status).toBe(204)
    expect(await statusOf(client)).toBe(404)
    // Nobody could tell the other one.
    expect(await statusOf(elsewhere)).toBe(200)
    await way.accept()
    await waitUntil('the refusal', async () => (await statusOf(elsewhere)) === 404)
    await waitUntil('the other refusal', async () => {
      return (await statusOf(clientOf(two.proxy, another.token))) === 404
    })
  })

  test('an end that was told while one was cut off is found out about when it is back', async () => {
    await using one = await openGateway()
    await using two = await openGateway()
    const client = await initialize(one.proxy)
    const elsewhere = clientOf(two.proxy, client.token)
    expect(await statusOf(elsewhere)).toBe(200)
    await way.refuse()
    way.reset()
    await waitUntil('the loss', () => !two.cache.stats().connected)
    // The end comes by another way, as if only this gateway had been cut off.
    {
      await using direct = createRedisCache({ url: REDIS.href, keyPrefix })
      await using third = openProxy({ keys: KEYS, cache: direct })
      third.register(fixture)
      await clientOf(third.proxy, client.token).ask(undefined, { method: 'DELETE' })
    }
    await way.accept()
    await waitUntil('the refusal', async () => (await statusOf(elsewhere)) === 404)
  })

  test('F42 a Redis that does not answer delays the first request of a session, and fails none', async () => {
    await using one = await openGateway()
    await using two = await openGateway()
    const client = await initialize(one.proxy)
    way.pause()
    expect(await statusOf(clientOf(two.proxy, client.token))).toBe(200)
    expect(await statusOf(client)).toBe(200)
    way.resume()
  })
})
