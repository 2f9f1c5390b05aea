import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'

import { createMemoryCache } from '@mreg/cache'
import { LOCAL_PRINCIPAL } from '@mreg/core'
import { answerJson, freePort, startHttpUpstream } from '@mreg/testing'
import { circuitBus } from '@mreg/upstream'
import { describe, expect, test } from 'vitest'

import { errorOf } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { openProxy, registered } from './support/open-proxy.ts'
import { startReplica } from './support/replica-server.ts'

// What a gateway before this one promised and did not keep, each as a test.

const era = { modern: true }
const breaker = { failureThreshold: 3, openMs: 60_000, maxOpenMs: 60_000 }
const result = (id: unknown): object => ({
  jsonrpc: '2.0',
  id,
  result: { resultType: 'complete', tools: [] },
})

describe('1c.1: failures that came as HTTP opened no circuit', () => {
  test.each([
    ['HTTP 500', 500],
    ['HTTP 502', 502],
    ['HTTP 503', 503],
  ])('%s opens it', async (_name, status) => {
    await using upstream = await startHttpUpstream((_request, response) => response.writeHead(status).end())
    await using open = openProxy({ era, breaker })
    open.register(registered(upstream.url))
    for (let call = 1; call <= 3; call += 1) await sendModern(open, 'tools/call', { name: 'pay' })
    expect(errorOf((await sendModern(open, 'tools/call', { name: 'pay' })).last).data['reason']).toBe(
      'circuit_open',
    )
    expect(upstream.requests).toHaveLength(3)
  })

  test('time-outs open it', async () => {
    await using upstream = await startHttpUpstream(() => {})
    await using open = openProxy({ era, breaker, timeouts: { requestMs: 60 } })
    open.register(registered(upstream.url))
    for (let call = 1; call <= 3; call += 1) await sendModern(open, 'tools/list')
    expect(errorOf((await sendModern(open, 'tools/list')).last).data['reason']).toBe('circuit_open')
  })
})

describe('1c.2: the settings of strategy and circuit had no effect', () => {
  test.each([1, 4])('a threshold of %i is what it takes', async (failureThreshold) => {
    await using upstream = await startHttpUpstream((_request, response) => response.writeHead(500).end())
    await using open = openProxy({ era, breaker: { ...breaker, failureThreshold } })
    open.register(registered(upstream.url))
    for (let call = 1; call <= 8; call += 1) await sendModern(open, 'tools/call', { name: 'pay' })
    expect(upstream.requests).toHaveLength(failureThreshold)
  })

  test('another strategy is used from the moment it is set', async () => {
    const replicas = await Promise.all(['one', 'two', 'three'].map((name) => startReplica('modern', name)))
    await using open = openProxy({ era })
    const urls = replicas.map(({ url }) => url)
    const endpointIds = ['one', 'two', 'three']
    const asked = (): number[] => replicas.map((replica) => replica.asked('tools/list'))
    try {
      open.register(
        registered(urls, {
          id: 'server',
          endpointIds,
          settings: { balancing: { strategy: 'consistent-hash' } },
        }),
      )
      for (let call = 1; call <= 6; call += 1) await sendModern(open, 'tools/list')
      expect(asked().filter((count) => count > 0)).toEqual([6])
      const before = asked()
      open.register(
        registered(urls, {
          id: 'server',
          revision: 2,
          endpointIds,
          settings: { balancing: { strategy: 'round-robin' } },
        }),
      )
      for (let call = 1; call <= 6; call += 1) await sendModern(open, 'tools/list')
      expect(asked().map((count, index) => count - (before[index] ?? 0))).toEqual([2, 2, 2])
    } finally {
      for (const replica of replicas) await replica.stop()
    }
  })
})

describe('1c.3: half-open let everybody in, one success forgave all, each process was alone, and nothing was tried again', () => {
  test('half-open lets one in, and its failure opens again', async () => {
    const waiting: (() => void)[] = []
    let isHeld = false
    await using upstream = await startHttpUpstream((_request, response) => {
      if (isHeld) waiting.push(() => response.writeHead(500).end())
      else response.writeHead(500).end()
    })
    await using open = openProxy({ era, breaker: { failureThreshold: 1, openMs: 50, maxOpenMs: 50 } })
    open.register(registered(upstream.url))
    await sendModern(open, 'tools/call', { name: 'pay' })
    const [target] = open.routes.targets()
    if (target === undefined) throw new Error('there is no endpoint')
    const { breaker: circuit } = open.upstreams.endpoint(target)
    await expect.poll(() => circuit.state).toBe('half-open')
    isHeld = true
    const calls = Array.from({ length: 20 }, () => sendModern(open, 'tools/call', { name: 'pay' }))
    await expect.poll(() => waiting.length).toBe(1)
    for (const answer of waiting) answer()
    const reasons = (await Promise.all(calls)).map(({ last }) => errorOf(last).data['reason'])
    expect(reasons.filter((reason) => reason === 'upstream_status')).toHaveLength(1)
    expect(reasons.filter((reason) => reason === 'circuit_open')).toHaveLength(19)
    expect(circuit.state).toBe('open')
  })

  test('what one gateway has given up needs one failure at another', async () => {
    await using cache = createMemoryCache()
    await using upstream = await startHttpUpstream((_request, response) => response.writeHead(500).end())
    const server = registered(upstream.url, { endpointIds: ['one'] })
    const start = (origin: string) => {
      const open = openProxy({ era, breaker, circuits: { sync: circuitBus(cache), origin } })
      open.register(server)
      return open
    }
    await using first = start('first')
    await using second = start('second')
    for (let call = 1; call <= 3; call += 1) await sendModern(first, 'tools/call', { name: 'pay' })
    await sendModern(second, 'tools/call', { name: 'pay' })
    expect(errorOf((await sendModern(second, 'tools/call', { name: 'pay' })).last).data['reason']).toBe(
      'circuit_open',
    )
    expect(upstream.requests).toHaveLength(4)
  })

  test('what may be tried again is', async () => {
    let answered = 0
    await using upstream = await startHttpUpstream(({ rpcId }, response) => {
      answered += 1
      if (answered === 1) response.writeHead(502).end()
      else answerJson(response, result(rpcId))
    })
    await using open = openProxy({ era, breaker })
    open.register(registered(upstream.url))
    expect((await sendModern(open, 'tools/list')).last).toMatchObject({ result: {} })
    expect(answered).toBe(2)
  })
})

test('1c.4: a process chose by a salt of its own: now each chooses the same endpoint for a key', async () => {
  const ports = await Promise.all(Array.from({ length: 5 }, () => freePort()))
  const ids = ports.map((_, index) => `endpoint-${index}`)
  const keys = Array.from({ length: 40 }, (_, index) => `person-${index}`)
  const program = `
    import { consistentHash, LoadBalancer } from '@mreg/load-balancing'
    const balancer = new LoadBalancer({ strategy: consistentHash() })
    balancer.update(${JSON.stringify(ids)}.map((id) => ({ id, target: id })))
    console.log(JSON.stringify(${JSON.stringify(keys)}.map((key) => balancer.pick(undefined, { key }).id)))`
  const inAnotherProcess = (): unknown =>
    JSON.parse(
      execFileSync(
        process.execPath,
        ['--conditions=@mreg/source', '--no-warnings', '--input-type=module', '-e', program],
        {
          cwd: import.meta.dirname,
          encoding: 'utf8',
        },
      ),
    )
  await using open = openProxy({ era })
  const settings = { balancing: { strategy: 'consistent-hash' } } as const
  const urls = ports.map((port) => `http://127.0.0.1:${port}/mcp`)
  open.register(registered(urls, { endpointIds: ids, settings }))
  const replicas = open.routes.lookup('default', 'fixture')?.replicas
  const here = keys.map((key) => replicas?.pick({ key })?.id)
  expect(new Set(here).size).toBeGreaterThan(2)
  expect(inAnotherProcess()).toEqual(here)
})

test('1c.6: nothing was proxied to a server that wants a session: a call of either era reaches one', async () => {
  await using replica = await startReplica('legacy')
  await using open = openProxy({ era: { legacy: true, modern: false } })
  open.register(registered(replica.url))
  const nonce = randomUUID()
  const params = { name: 'pay', arguments: { nonce } }
  const { last } = await sendModern(open, 'tools/call', params, { principal: LOCAL_PRINCIPAL })
  expect(last).toMatchObject({ result: { content: [{ text: nonce }] } })
  expect(replica.sessions.size).toBe(1)
})
