import { randomUUID } from 'node:crypto'

import { LOCAL_PRINCIPAL } from '@mreg/core'
import { freePort } from '@mreg/testing'
import type { JsonObject } from '@mreg/upstream'
import { describe, expect, test } from 'vitest'

import { errorOf, initialize, requestOf } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import {
  type OpenProxy,
  openProxy,
  type ProxyOptions,
  registered,
  type ServerFields,
} from './support/open-proxy.ts'
import { type ReplicaServer, startReplica } from './support/replica-server.ts'

type Era = 'legacy' | 'modern'
const PAIRS: readonly (readonly [client: Era, server: Era])[] = [
  ['legacy', 'legacy'],
  ['modern', 'modern'],
  ['legacy', 'modern'],
  ['modern', 'legacy'],
]

/** Sends one request as a client of one era, and gives the last message of the answer. */
type Ask = (method: string, params?: Readonly<Record<string, unknown>>) => Promise<JsonObject>

const client = async (open: OpenProxy, era: Era): Promise<Ask> => {
  if (era === 'modern') return async (method, params) => (await sendModern(open, method, params)).last
  const { ask } = await initialize(open.proxy)
  return async (method, params = {}) => (await ask(requestOf(method, params))).last
}

const pay = (ask: Ask, nonce: string = randomUUID(), name = 'pay'): Promise<JsonObject> =>
  ask('tools/call', { name, arguments: { nonce } })

const resultOf = (nonce: string): object => ({ result: { content: [{ text: nonce }] } })

interface Cluster extends AsyncDisposable {
  readonly open: OpenProxy
  readonly replicas: readonly ReplicaServer[]
  /** The replica that executed a nonce. @throws when none or several did. */
  ownerOf(nonce: string): ReplicaServer
  /** The replica at that place. */
  at(index: number): ReplicaServer
}

/** A server with several endpoints of one era, behind a proxy. */
const openCluster = async (
  era: Era,
  { count = 3, fields = {}, ...options }: ProxyOptions & { count?: number; fields?: ServerFields } = {},
): Promise<Cluster> => {
  const replicas = await Promise.all(
    Array.from({ length: count }, (_, index) => startReplica(era, `replica-${index}`)),
  )
  const open = openProxy({ era: { legacy: era === 'legacy', modern: era === 'modern' }, ...options })
  open.register(
    registered(
      replicas.map(({ url }) => url),
      fields,
    ),
  )
  return {
    open,
    replicas,
    ownerOf: (nonce) => {
      const owners = replicas.filter(({ executions }) => executions.includes(nonce))
      const [owner] = owners
      if (owner === undefined || owners.length > 1) throw new Error(`${owners.length} executed ${nonce}`)
      return owner
    },
    at: (index) => {
      const replica = replicas[index]
      if (replica === undefined) throw new Error(`there is no replica ${index}`)
      return replica
    },
    async [Symbol.asyncDispose]() {
      await open[Symbol.asyncDispose]()
      await Promise.all(replicas.map((replica) => replica.stop()))
    },
  }
}

const executed = (replicas: readonly ReplicaServer[]): string[] =>
  replicas.flatMap(({ executions }) => executions)

describe.each(PAIRS)('a %s client and a %s server with three endpoints', (clientEra, serverEra) => {
  test('an endpoint that refuses connections is left for another one, and nobody notices', async () => {
    await using cluster = await openCluster(serverEra)
    const ask = await client(cluster.open, clientEra)
    const before = randomUUID()
    expect(await pay(ask, before)).toMatchObject(resultOf(before))
    const lost = cluster.ownerOf(before)
    const connections = cluster.open.pool.stats().open
    await lost.stop()
    // A connection that closes as a call is sent on it is another matter: that call may have been executed.
    await expect.poll(() => cluster.open.pool.stats().open).toBeLessThan(connections)
    const nonces = Array.from({ length: 12 }, () => randomUUID())
    for (const nonce of nonces) expect(await pay(ask, nonce)).toMatchObject(resultOf(nonce))
    expect(executed(cluster.replicas).toSorted()).toEqual([before, ...nonces].toSorted())
    expect(lost.executions).toEqual([before])
  })

  test('a call whose connection breaks is not sent again, to nobody', async () => {
    await using cluster = await openCluster(serverEra)
    const ask = await client(cluster.open, clientEra)
    const nonce = randomUUID()
    for (const replica of cluster.replicas) replica.be('resets')
    const { data } = errorOf(await pay(ask, nonce))
    expect(data).toMatchObject({ reason: expect.stringMatching(/^(reset|truncated)$/u), server: 'fixture' })
    expect(executed(cluster.replicas)).toEqual([nonce])
  })

  test('nor when its server says that the tool is read-only, and is not trusted', async () => {
    await using cluster = await openCluster(serverEra)
    const ask = await client(cluster.open, clientEra)
    await ask('tools/list')
    for (const replica of cluster.replicas) replica.be('resets')
    const nonce = randomUUID()
    errorOf(await pay(ask, nonce, 'look'))
    expect(executed(cluster.replicas)).toEqual([nonce])
  })

  test('it is sent again, once, when the server is trusted and says that the tool is read-only', async () => {
    await using cluster = await openCluster(serverEra, { fields: { settings: { trusted: true } } })
    const ask = await client(cluster.open, clientEra)
    await ask('tools/list')
    for (const replica of cluster.replicas) replica.be('resets')
    const look = randomUUID()
    errorOf(await pay(ask, look, 'look'))
    const other = randomUUID()
    errorOf(await pay(ask, other))
    expect(executed(cluster.replicas).toSorted()).toEqual([look, look, other].toSorted())
  })

  test('a list that one endpoint breaks off comes from another one', async () => {
    await using cluster = await openCluster(serverEra)
    const ask = await client(cluster.open, clientEra)
    const first = randomUUID()
    await pay(ask, first)
    cluster.ownerOf(first).be('resets')
    for (let round = 1; round <= 3; round += 1) {
      expect(await ask('tools/list')).toMatchObject({
        result: { tools: [{ name: 'pay' }, { name: 'look' }] },
      })
    }
  })

  test('an endpoint that answers wrongly is found out, and its circuit opens', async () => {
    const breaker = { failureThreshold: 2, openMs: 60_000, maxOpenMs: 60_000 }
    await using cluster = await openCluster(serverEra, { breaker })
    const ask = await client(cluster.open, clientEra)
    const first = randomUUID()
    await pay(ask, first)
    const liar = cluster.ownerOf(first)
    liar.be('lies')
    const answers = []
    for (let call = 1; call <= 30; call += 1) answers.push(await pay(ask))
    const failures = answers.filter((answer) => 'error' in answer)
    expect(failures.length).toBeLessThanOrEqual(2)
    for (const failure of failures) expect(errorOf(failure).data['reason']).toBe('not_a_message')
    // Neither lost nor executed twice.
    const all = executed(cluster.replicas)
    expect(new Set(all).size).toBe(all.length)
    expect(all).toHaveLength(31)
  })
})

describe('who gets a call', () => {
  const principals = Array.from({ length: 12 }, (_, index) => ({ ...LOCAL_PRINCIPAL, id: `person-${index}` }))

  test('all endpoints share the calls of clients of the newer era', async () => {
    await using cluster = await openCluster('modern')
    await Promise.all(Array.from({ length: 60 }, () => sendModern(cluster.open, 'tools/list')))
    for (const replica of cluster.replicas) expect(replica.asked('tools/list')).toBeGreaterThan(0)
  })

  test('round-robin gives each the same, and weighted as often as its weight', async () => {
    await using even = await openCluster('modern', {
      fields: { settings: { balancing: { strategy: 'round-robin' } } },
    })
    for (let call = 1; call <= 12; call += 1) await sendModern(even.open, 'tools/list')
    expect(even.replicas.map((replica) => replica.asked('tools/list'))).toEqual([4, 4, 4])

    const fields = {
      settings: { balancing: { strategy: 'weighted', slowStartMs: 0 } },
      weights: [3, 2, 1],
    } as const
    await using weighted = await openCluster('modern', { fields })
    for (let call = 1; call <= 12; call += 1) await sendModern(weighted.open, 'tools/list')
    expect(weighted.replicas.map((replica) => replica.asked('tools/list'))).toEqual([6, 4, 2])
  })

  test('consistent-hash keeps each principal at one endpoint, in every process', async () => {
    const fields = {
      settings: { balancing: { strategy: 'consistent-hash' } },
      endpointIds: ['one', 'two', 'three'],
    } as const
    await using cluster = await openCluster('modern', { fields })
    await using another = openProxy({ era: { modern: true } })
    another.register(
      registered(
        cluster.replicas.map(({ url }) => url),
        fields,
      ),
    )
    for (const principal of principals) {
      for (const open of [cluster.open, another, cluster.open]) {
        const params = { name: 'pay', arguments: { nonce: `${principal.id}-${randomUUID()}` } }
        await sendModern(open, 'tools/call', params, { principal })
      }
    }
    const homes = principals.map(({ id }) =>
      cluster.replicas.map(
        ({ executions }) => executions.filter((nonce) => nonce.startsWith(`${id}-`)).length,
      ),
    )
    for (const counts of homes) expect(counts.filter((count) => count > 0)).toEqual([3])
    expect(new Set(homes.map((counts) => counts.indexOf(3))).size).toBeGreaterThan(1)
  })

  test('a session of the older era stays where it was opened', async () => {
    await using cluster = await openCluster('legacy')
    const asks = await Promise.all(Array.from({ length: 6 }, () => client(cluster.open, 'legacy')))
    for (const ask of asks) {
      const nonces = Array.from({ length: 4 }, () => randomUUID())
      for (const nonce of nonces) await pay(ask, nonce)
      expect(new Set(nonces.map((nonce) => cluster.ownerOf(nonce))).size).toBe(1)
    }
    expect(cluster.replicas.reduce((sum, { sessions }) => sum + sessions.size, 0)).toBe(6)
  })

  test('a client of the newer era has one session with a server of the older', async () => {
    await using cluster = await openCluster('legacy')
    for (let call = 1; call <= 8; call += 1) await sendModern(cluster.open, 'tools/list')
    expect(cluster.replicas.reduce((sum, { sessions }) => sum + sessions.size, 0)).toBe(1)
  })

  test('an endpoint that a probe found bad gets nothing as long as there is another one', async () => {
    await using cluster = await openCluster('modern', { fields: { endpointIds: ['one', 'two', 'three'] } })
    cluster.open.upstreams.learnStatus('one', 'unhealthy')
    cluster.open.upstreams.learnStatus('two', 'maintenance')
    for (let call = 1; call <= 10; call += 1) await sendModern(cluster.open, 'tools/list')
    expect(cluster.replicas.map((replica) => replica.asked('tools/list'))).toEqual([0, 0, 10])
    // The last resort: all of them are bad.
    cluster.open.upstreams.learnStatus('three', 'unhealthy')
    const { last } = await sendModern(cluster.open, 'tools/list')
    expect(last).toMatchObject({ result: {} })
    cluster.open.upstreams.learnStatus('one', 'healthy')
    const before = cluster.at(0).asked('tools/list')
    await sendModern(cluster.open, 'tools/list')
    expect(cluster.at(0).asked('tools/list')).toBe(before + 1)
  })

  test('endpoints that are removed get nothing more, and finish what they have', async () => {
    await using cluster = await openCluster('modern', {
      fields: { id: 'server', endpointIds: ['one', 'two', 'three'] },
    })
    const arrived = Promise.withResolvers<() => void>()
    for (const replica of cluster.replicas)
      replica.upstream.answer(({ rpcId }, response) =>
        arrived.resolve(() =>
          response
            .writeHead(200, { 'content-type': 'application/json' })
            .end(JSON.stringify({ jsonrpc: '2.0', id: rpcId, result: { resultType: 'complete' } })),
        ),
      )
    const under = sendModern(cluster.open, 'tools/call', { name: 'pay', arguments: {} })
    const finish = await arrived.promise
    const lost = cluster.replicas.filter((replica) => replica.asked('tools/call') === 1)
    const stay = cluster.replicas.filter((replica) => !lost.includes(replica))
    const ids = cluster.replicas.flatMap((replica, index) =>
      stay.includes(replica) ? [['one', 'two', 'three'][index] ?? ''] : [],
    )
    await using next = await startReplica('modern')
    cluster.open.register(
      registered([...stay.map(({ url }) => url), next.url], {
        id: 'server',
        revision: 2,
        endpointIds: [...ids, 'four'],
      }),
    )
    for (const replica of stay)
      replica.upstream.answer(({ rpcId }, response) =>
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ jsonrpc: '2.0', id: rpcId, result: { resultType: 'complete' } })),
      )
    for (let call = 1; call <= 10; call += 1) await sendModern(cluster.open, 'tools/list')
    expect(lost.map((replica) => replica.asked('tools/list'))).toEqual([0])
    expect(cluster.open.routes.lookup('default', 'fixture')?.replicas.stats()).toHaveLength(3)
    finish()
    expect((await under).last).toMatchObject({ result: {} })
  })
})

describe('when to give up', () => {
  test('a list is not sent more often than the budget allows', async () => {
    await using cluster = await openCluster('modern', {
      breaker: { failureThreshold: 1000, openMs: 1, maxOpenMs: 1 },
    })
    for (const replica of cluster.replicas) replica.be('resets')
    const calls = 60
    await Promise.all(Array.from({ length: calls }, () => sendModern(cluster.open, 'tools/list')))
    const sent = cluster.replicas.reduce((sum, replica) => sum + replica.asked('tools/list'), 0)
    // Besides what http-pool sends again when a kept connection is found dead.
    expect(sent).toBeGreaterThan(calls)
    expect(sent).toBeLessThanOrEqual(calls + calls * 0.2 + 3 * 3)
  })

  test('a deadline is one for all tries', async () => {
    await using cluster = await openCluster('modern', { timeouts: { requestMs: 400 }, count: 2 })
    for (const replica of cluster.replicas) replica.be('silent')
    const { data } = errorOf((await sendModern(cluster.open, 'tools/list')).last)
    expect(data['reason']).toMatch(/_timeout$/u)
    expect(cluster.replicas.reduce((sum, replica) => sum + replica.asked('tools/list'), 0)).toBe(1)
  })

  test('all circuits open: the client is told when to come back, and nobody is asked', async () => {
    const breaker = { failureThreshold: 1, openMs: 60_000, maxOpenMs: 60_000 }
    await using cluster = await openCluster('modern', { breaker })
    for (const replica of cluster.replicas) replica.be('web page')
    for (let call = 1; call <= 3; call += 1) await sendModern(cluster.open, 'tools/call', { name: 'pay' })
    const before = executed(cluster.replicas).length
    const { data } = errorOf((await sendModern(cluster.open, 'tools/call', { name: 'pay' })).last)
    expect(data).toMatchObject({ reason: 'circuit_open', retryAfterMs: expect.any(Number) })
    expect(executed(cluster.replicas)).toHaveLength(before)
  })

  test('no endpoint can be reached: one error, with the reason', async () => {
    await using open = openProxy({ era: { modern: true } })
    open.register(
      registered([await freePort(), await freePort()].map((port) => `http://127.0.0.1:${port}/mcp`)),
    )
    const { data } = errorOf((await sendModern(open, 'tools/list')).last)
    expect(data['reason']).toBe('unreachable')
  })

  test('an endpoint whose circuit has closed again begins small', async () => {
    await using cluster = await openCluster('modern', {
      breaker: { failureThreshold: 1, openMs: 60_000, maxOpenMs: 60_000 },
      fields: { endpointIds: ['one', 'two', 'three'] },
    })
    const replicas = cluster.open.routes.lookup('default', 'fixture')?.replicas
    replicas?.warmUp('one')
    expect(replicas?.stats().find(({ id }) => id === 'one')).toMatchObject({ state: 'warming' })
  })
})
