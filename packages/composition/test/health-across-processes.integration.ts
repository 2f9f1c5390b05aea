import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { CacheToken } from '@mreg/composition'
import type { Principal } from '@mreg/core'
import { ServerProxy, RouteTable } from '@mreg/proxy'
import { ChangeFeed, Registry } from '@mreg/registry'
import {
  answerJson,
  createTestDatabase,
  type FaultProxy,
  type HttpUpstream,
  type HttpUpstreamHandler,
  startFaultProxy,
  startHttpUpstream,
  type TestDatabase,
} from '@mreg/testing'
import { Upstreams } from '@mreg/upstream'
import type { Container } from 'inversify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import {
  access,
  cache,
  compose,
  database,
  DatabaseToken,
  events,
  health,
  prepareDatabase,
  proxy,
  registry,
  upstream,
  WatchToken,
} from '../src/index.ts'
import { foundationWith } from './support/foundation.ts'

const ADMINISTRATOR: Principal = { id: 'admin', tenantId: 'default', role: 'admin', kind: 'key' }
/** The machine may be busy. */
const PATIENT = { timeout: 30_000, interval: 25 }

const well: HttpUpstreamHandler = ({ rpcId: id }, response) =>
  answerJson(response, {
    jsonrpc: '2.0',
    id,
    result: { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: {} },
  })
const bad: HttpUpstreamHandler = (_request, response) => response.writeHead(500).end()

/** How long statuses may differ from what probes find is told by the settings: hardly ever, or from the first failure on. */
interface Given {
  /** Whether the change log is looked at when something is announced. Each process reads it once, at its start. */
  readonly listens: boolean
  /** How many bad probes make a status that the log tells. */
  readonly failureThreshold: number
}

/** What the gateway would do with each of the endpoints now. */
const fitness = (gateway: Container): readonly string[] =>
  (gateway.get(RouteTable).lookup('default', 'twice')?.targets ?? []).map((target) =>
    gateway.get(Upstreams).endpoint(target).fitnessFor(),
  )

const isConnected = (gateway: Container): boolean | undefined => gateway.get(CacheToken).stats().connected

describe('a worker that probes, and gateways that do not', () => {
  let resources: AsyncDisposableStack
  let shared: TestDatabase
  let directory: string
  let redis: FaultProxy
  let one: HttpUpstream
  let other: HttpUpstream

  beforeEach(async () => {
    resources = new AsyncDisposableStack()
    directory = await mkdtemp(join(tmpdir(), 'mreg-test-'))
    const { hostname, port } = new URL(process.env['MREG_TEST_REDIS_URL'] ?? '')
    ;[shared, one, other, redis] = await Promise.all([
      createTestDatabase(),
      startHttpUpstream(well),
      startHttpUpstream(well),
      startFaultProxy({ host: hostname, port: Number(port || 6379) }),
    ])
  })

  afterEach(async () => {
    await resources?.disposeAsync()
    await Promise.all([redis?.stop(), one?.stop(), other?.stop()])
    await shared?.drop()
    await rm(directory, { recursive: true, force: true })
  })

  const open = async (
    role: 'gateway' | 'worker',
    { failureThreshold, listens }: Given,
  ): Promise<Container> => {
    const file = join(directory, 'settings.json')
    const redisUrl = new URL(process.env['MREG_TEST_REDIS_URL'] ?? '')
    redisUrl.hostname = '127.0.0.1'
    redisUrl.port = String(redis.port)
    const keyPrefix = `${process.env['MREG_TEST_REDIS_PREFIX']}${shared.url.slice(-12)}:`
    await writeFile(
      file,
      JSON.stringify({
        cache: { keyPrefix },
        database: { changePollMs: 600_000 },
        health: { intervalMs: 200, unhealthyIntervalMs: 200, failureThreshold, successThreshold: 1 },
      }),
    )
    const foundation = foundationWith(resources, {
      MREG_DATABASE_URL: shared.url,
      MREG_REDIS_URL: redisUrl.href,
      MREG_HEALTH_MODE: 'worker',
      MREG_CONFIG: file,
      ...(listens ? {} : { MREG_DATABASE_LISTEN_URL: 'off' }),
    })
    const container = await compose(
      { ...foundation, facts: { ...foundation.facts, role } },
      database,
      cache,
      events,
      access,
      upstream,
      registry,
      health,
      proxy,
    )
    await prepareDatabase(container.get(DatabaseToken))
    container.get(ServerProxy)
    const watch = container.get(WatchToken)
    await container.get(ChangeFeed).start()
    watch()
    return container
  }

  /** A gateway and a worker that know a server with two endpoints. */
  const openBoth = async (given: Given): Promise<Container> => {
    const gateway = await open('gateway', given)
    await gateway.get(Registry).register(ADMINISTRATOR, {
      slug: 'twice',
      endpoints: [one, other].map(({ url }) => ({ transport: 'streamable-http', url })),
    })
    await open('worker', given)
    await expect.poll(() => fitness(gateway), PATIENT).toEqual(['good', 'good'])
    return gateway
  }

  test('what it finds reaches the gateways through Redis, before any status changes in the database', async () => {
    const given = { listens: false, failureThreshold: 1000 }
    const gateway = await openBoth(given)
    one.answer(bad)
    await expect.poll(() => fitness(gateway), PATIENT).toEqual(['unfit', 'good'])
    // Of a gateway that starts now, the database says only that it is degraded.
    const later = await open('gateway', given)
    await expect.poll(() => fitness(later), PATIENT).toEqual(['unfit', 'good'])
    one.answer(well)
    for (const each of [gateway, later])
      await expect.poll(() => fitness(each), PATIENT).toEqual(['good', 'good'])
    // Nobody but the worker has asked: there were no calls of clients.
    const methods = new Set(one.requests.map(({ rpcMethod }) => rpcMethod))
    expect(methods).toEqual(new Set(['initialize', 'server/discover']))
  })

  test('while Redis is away the gateways go by the change log', async () => {
    const gateway = await openBoth({ listens: true, failureThreshold: 2 })
    await redis.refuse()
    redis.reset()
    await expect.poll(() => isConnected(gateway), PATIENT).toBe(false)
    one.answer(bad)
    await expect.poll(() => fitness(gateway), PATIENT).toEqual(['unfit', 'good'])
    one.answer(well)
    await expect.poll(() => fitness(gateway), PATIENT).toEqual(['good', 'good'])
  })

  test('what is found while Redis is away is posted and heard when it is back, by those who have lost it', async () => {
    const given = { listens: false, failureThreshold: 1000 }
    const gateway = await openBoth(given)
    await redis.refuse()
    redis.reset()
    await expect.poll(() => isConnected(gateway), PATIENT).toBe(false)
    one.answer(bad)
    const asked = one.requests.length
    await expect.poll(() => one.requests.length, PATIENT).toBeGreaterThan(asked + 1)
    expect(fitness(gateway)).toEqual(['good', 'good'])
    await redis.accept()
    await expect.poll(() => fitness(gateway), PATIENT).toEqual(['unfit', 'good'])
  })
})
