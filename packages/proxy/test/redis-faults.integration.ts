import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'

import type { Cache } from '@mreg/cache'
import { createRedisCache } from '@mreg/cache/redis'
import { type FaultProxy, startFaultProxy, waitUntil } from '@mreg/testing'
import { circuitBus, type JsonObject } from '@mreg/upstream'
import { createClient } from 'redis'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { Fallback } from '../src/index.ts'
import { callOf, clientOf, initialize } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { type OpenProxy, openProxy, registered } from './support/open-proxy.ts'
import { type ReplicaServer, startReplica } from './support/replica-server.ts'

const REDIS = new URL(process.env['MREG_TEST_REDIS_URL'] ?? 'redis://127.0.0.1')
/** Calls at least before, during and after a fault. */
const CALLS = 40

// Two gateways share all that they share through Redis, and the clients of both go on while something happens to it.
describe.each(['legacy', 'modern'] as const)('two gateways and a server of the %s era', (era) => {
  let resources: AsyncDisposableStack
  let server: ReplicaServer
  let way: FaultProxy
  let keyPrefix: string
  let gateways: (OpenProxy & { readonly cache: Cache })[]

  beforeEach(async () => {
    resources = new AsyncDisposableStack()
    server = resources.use(await startReplica(era))
    way = resources.use(await startFaultProxy({ host: REDIS.hostname, port: Number(REDIS.port || 6379) }))
    keyPrefix = `${process.env['MREG_TEST_REDIS_PREFIX'] ?? ''}faults:${randomUUID()}:`
    const keys = [randomBytes(32).toString('base64url')]
    const fixture = registered(server.url)
    const open = async (): Promise<OpenProxy & { readonly cache: Cache }> => {
      const url = new URL(REDIS)
      url.hostname = '127.0.0.1'
      url.port = String(way.port)
      const cache = resources.use(createRedisCache({ url: url.href, keyPrefix, maxReconnectDelayMs: 100 }))
      const gateway = resources.use(
        openProxy({
          keys,
          cache,
          circuits: { sync: circuitBus(cache) },
          fallback: new Fallback({ cache, maxJsonDepth: 64, maxStaleMs: 60_000, maxAnswerBytes: 100_000 }),
          era: { legacy: era === 'legacy', modern: era === 'modern' },
        }),
      )
      gateway.register(fixture)
      await waitUntil('Redis', () => cache.stats().connected)
      return { ...gateway, cache }
    }
    gateways = [await open(), await open()]
  })

  afterEach(() => resources.disposeAsync())

  /** A client that comes to the gateways in turn, as a load balancer sends it. */
  const openClient = async (): Promise<(nonce: string) => Promise<JsonObject>> => {
    const [first] = gateways
    if (first === undefined) throw new Error('there is no gateway')
    let turn = 0
    const session = era === 'legacy' ? await initialize(first.proxy) : undefined
    return async (nonce) => {
      turn += 1
      const { proxy } = gateways[turn % gateways.length] ?? first
      if (session === undefined)
        return (await sendModern({ proxy }, 'tools/call', { name: 'pay', arguments: { nonce } })).last
      return (await clientOf(proxy, session.token).ask(callOf('pay', { nonce }))).last
    }
  }

  /** Clients call all the time, beginning some calls before `fault` and ending some after; gives what they sent, and what was no answer to it. */
  const callWhile = async (fault: () => Promise<void>): Promise<{ sent: string[]; strange: unknown[] }> => {
    const clients = await Promise.all(Array.from({ length: 3 }, () => openClient()))
    const over = new AbortController()
    const sent: string[] = []
    const strange: unknown[] = []
    const calling = clients.map(async (call) => {
      while (!over.signal.aborted) {
        const nonce = randomUUID()
        sent.push(nonce)
        const answer = await call(nonce)
        if (!JSON.stringify(answer).includes(`"text":"${nonce}"`)) strange.push(answer)
        await delay(2)
      }
    })
    const someMore = async (): Promise<void> => {
      const before = sent.length
      await waitUntil('more calls', () => sent.length >= before + CALLS, { timeoutMs: 30_000 })
    }
    await someMore()
    await fault()
    await someMore()
    over.abort()
    await Promise.all(calling)
    return { sent: sent.toSorted(), strange }
  }

  const untilAll = (what: string, connected: boolean): Promise<boolean> =>
    waitUntil(what, () => gateways.every(({ cache }) => cache.stats().connected === connected))

  test('F41: Redis goes and comes back, and no client notices', async () => {
    const { sent, strange } = await callWhile(async () => {
      await way.refuse()
      way.reset()
      await untilAll('the loss', false)
      const before = server.executions.length
      await waitUntil('calls without Redis', () => server.executions.length >= before + CALLS)
      await way.accept()
      await untilAll('Redis again', true)
    })
    expect(strange).toEqual([])
    // Nothing lost, nothing twice.
    expect(server.executions.toSorted()).toEqual(sent)
  })

  test('F42: Redis is slow, and no client notices', async () => {
    const { sent, strange } = await callWhile(async () => {
      way.pause()
      const before = server.executions.length
      await waitUntil('calls meanwhile', () => server.executions.length >= before + CALLS)
      way.resume()
    })
    expect(strange).toEqual([])
    expect(server.executions.toSorted()).toEqual(sent)
  })

  test('F43: Redis forgets everything, and sessions go on all the same', async () => {
    const direct = await createClient({ url: REDIS.href }).connect()
    resources.defer(() => void direct.close())
    const { sent, strange } = await callWhile(async () => {
      for (let round = 1; round <= 3; round += 1) {
        for await (const keys of direct.scanIterator({ MATCH: `${keyPrefix}*`, COUNT: 1000 }))
          if (keys.length > 0) await direct.del(keys)
        await delay(20)
      }
    })
    expect(strange).toEqual([])
    expect(server.executions.toSorted()).toEqual(sent)
  })
})
