import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createMemoryCache } from '@mreg/cache'
import { answerJson, type HttpUpstreamHandler, startHttpUpstream } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import {
  CircuitFile,
  circuitBus,
  type HeaderPair,
  savedCircuits,
  type UpstreamEndpoint,
} from '../src/index.ts'
import { callOf, failureOf, requestOf } from './support/messages.ts'
import { openUpstream, targetOf } from './support/open-upstream.ts'

const RESULT = { jsonrpc: '2.0', id: 1, result: { supportedVersions: ['2026-07-28'] } }
const well: HttpUpstreamHandler = (_request, response) => answerJson(response, RESULT)
const failing: HttpUpstreamHandler = (_request, response) => response.writeHead(500).end()
const list = requestOf('tools/list')
const breaker = { failureThreshold: 3, openMs: 60_000, maxOpenMs: 60_000 }

const fail = async (endpoint: UpstreamEndpoint, times: number): Promise<void> => {
  for (let call = 1; call <= times; call += 1) await failureOf(endpoint.send(list))
}

const limited =
  (headers: Record<string, string>, status: number): HttpUpstreamHandler =>
  (_request, response) =>
    response.writeHead(status, headers).end()

const cluster = async (handler: HttpUpstreamHandler) => {
  const upstream = await startHttpUpstream(handler)
  const cache = createMemoryCache()
  const target = targetOf(upstream.url)
  const open = (origin: string) => {
    const opened = openUpstream(upstream.url, { breaker, circuits: { sync: circuitBus(cache), origin } })
    return { ...opened, endpoint: opened.upstreams.endpoint(target) }
  }
  const gateways = ['a', 'b', 'c'].map((origin) => open(origin))
  const [a, b, c] = gateways
  if (a === undefined || b === undefined || c === undefined) throw new Error('unreachable')
  return {
    a,
    b,
    c,
    upstream,
    cache,
    async [Symbol.asyncDispose]() {
      for (const gateway of gateways) {
        await gateway.upstreams[Symbol.asyncDispose]()
        await gateway.pool.close()
      }
      await cache[Symbol.asyncDispose]()
      await upstream.stop()
    },
  }
}

/** An endpoint that was found bad before it was used here. */
const probed = async () => {
  const open = openUpstream('http://127.0.0.1:1/mcp')
  const target = targetOf('http://127.0.0.1:1/mcp')
  open.upstreams.learnStatus(target.endpoint.id, 'unhealthy')
  return { ...open, target, endpoint: open.upstreams.endpoint(target) }
}

describe('what a probe found elsewhere', () => {
  test('before an endpoint was used here counts from its first use on', async () => {
    await using open = await probed()
    expect(open.endpoint.fitnessFor()).toBe('unfit')
    open.upstreams.learnStatus(open.target.endpoint.id, 'healthy')
    expect(open.endpoint.fitnessFor()).toBe('good')
  })

  test('outlives a change of the title, and not one of the address, nor the end of the endpoint', async () => {
    await using open = await probed()
    const { target, upstreams } = open
    expect(upstreams.endpoint({ ...target, revision: 2 }).fitnessFor()).toBe('unfit')
    const moved = { ...target.endpoint, url: 'http://127.0.0.1:2/mcp' }
    expect(upstreams.endpoint({ ...target, endpoint: moved, revision: 3 }).fitnessFor()).toBe('good')
    upstreams.learnStatus(target.endpoint.id, 'unhealthy')
    upstreams.retire(target.endpoint.id)
    expect(upstreams.endpoint(target).fitnessFor()).toBe('good')
  })
})

/** Calls an endpoint that has failed unhealthy, and has its circuit let a call try. */
const halfOpenAndUnfit = async ({ upstreams, endpoint }: ReturnType<typeof openUpstream>): Promise<void> => {
  await fail(endpoint, 3)
  upstreams.learnStatus(endpoint.target.endpoint.id, 'unhealthy')
  endpoint.breaker.restore({ ...endpoint.breaker.snapshot(), openRemainingMs: 0 })
}

describe('an endpoint whose circuit is half open', () => {
  test('and that was called unhealthy is asked as soon as somebody could use it, and is good when it answers', async () => {
    await using upstream = await startHttpUpstream(failing)
    await using open = openUpstream(upstream.url, { breaker })
    await halfOpenAndUnfit(open)
    upstream.answer((_request, response) => answerJson(response, { ...RESULT, id: 'mreg-probe' }))
    expect(open.endpoint.fitnessFor()).toBe('unfit')
    await expect.poll(() => open.endpoint.fitnessFor()).toBe('good')
    expect(open.endpoint.breaker.state).toBe('closed')
    expect(upstream.requests.filter(({ rpcMethod }) => rpcMethod === 'server/discover')).toHaveLength(1)
  })

  test('and that still fails stays unfit', async () => {
    await using upstream = await startHttpUpstream(failing)
    await using open = openUpstream(upstream.url, { breaker })
    await halfOpenAndUnfit(open)
    const before = upstream.requests.length
    expect(open.endpoint.fitnessFor()).toBe('unfit')
    await expect.poll(() => upstream.requests.length).toBeGreaterThan(before)
    expect(open.endpoint.fitnessFor()).toBe('unfit')
    expect(open.endpoint.breaker.state).toBe('half-open')
  })
})

describe('a server that asks to be left alone', () => {
  test('by 429 and Retry-After is not asked before, and its circuit stays closed', async () => {
    await using upstream = await startHttpUpstream(limited({ 'retry-after': '120' }, 429))
    await using open = openUpstream(upstream.url)
    expect(await failureOf(open.endpoint.send(list))).toMatchObject({
      reason: 'rate_limited',
      requestSent: true,
    })
    const refused = await failureOf(open.endpoint.send(list))
    expect(refused).toMatchObject({ reason: 'rate_limited', requestSent: false })
    expect(refused.retryAfterMs).toBeGreaterThan(100_000)
    expect(upstream.requests).toHaveLength(1)
    expect(open.endpoint.breaker).toMatchObject({ state: 'closed', stats: { failures: 0 } })
    expect(open.endpoint.fitnessFor()).toBe('paced')
  })

  test('by 429 alone is asked again whenever somebody wants to', async () => {
    await using upstream = await startHttpUpstream(limited({}, 429))
    await using open = openUpstream(upstream.url)
    await fail(open.endpoint, 2)
    expect(upstream.requests).toHaveLength(2)
  })

  test('for longer than makes sense is asked again after five minutes', async () => {
    await using upstream = await startHttpUpstream(limited({ 'retry-after': '86400' }, 429))
    await using open = openUpstream(upstream.url)
    await fail(open.endpoint, 1)
    expect((await failureOf(open.endpoint.send(list))).retryAfterMs).toBeLessThanOrEqual(300_000)
  })

  test('by 429 for the credentials of one principal is asked for all others', async () => {
    await using upstream = await startHttpUpstream(({ headers }, response) => {
      if (headers['authorization'] === 'Bearer ann') response.writeHead(429, { 'retry-after': '120' }).end()
      else answerJson(response, RESULT)
    })
    await using open = openUpstream(upstream.url, {
      credentials: {
        headersFor: (_target, principalId): readonly HeaderPair[] => [
          ['authorization', `Bearer ${principalId}`],
        ],
        scopeFor: (_target, principalId) => principalId,
      },
    })
    const as = (principalId: string) => open.endpoint.send({ ...list, principalId })
    await failureOf(as('ann'))
    expect(await failureOf(as('ann'))).toMatchObject({ reason: 'rate_limited', requestSent: false })
    expect(await as('bob')).toMatchObject({ kind: 'message' })
    expect(open.endpoint.fitnessFor('ann')).toBe('paced')
    expect(open.endpoint.fitnessFor('bob')).toBe('good')
  })

  test('by 503 and Retry-After is given that time by its circuit, after the first one', async () => {
    await using upstream = await startHttpUpstream(limited({ 'retry-after': '90' }, 503))
    await using open = openUpstream(upstream.url, { breaker })
    await failureOf(open.endpoint.send(list))
    expect(open.endpoint.breaker.state).toBe('open')
    const { retryAfterMs = 0 } = await failureOf(open.endpoint.send(list))
    expect(retryAfterMs).toBeGreaterThan(80_000)
    expect(retryAfterMs).toBeLessThanOrEqual(90_000)
    expect(upstream.requests).toHaveLength(1)
  })
})

describe('the circuit of an endpoint', () => {
  test('stays as it is when its server is changed, and begins anew with other credentials', async () => {
    await using upstream = await startHttpUpstream(failing)
    await using open = openUpstream(upstream.url, { breaker })
    await fail(open.endpoint, 3)
    const changed = open.upstreams.endpoint({ ...open.target, revision: 2 })
    expect(changed).not.toBe(open.endpoint)
    expect(changed.breaker.state).toBe('open')
    const sealedCredentials = Buffer.from('others')
    const renewed = open.upstreams.endpoint({ ...open.target, revision: 3, sealedCredentials })
    expect(renewed.breaker.state).toBe('closed')
  })

  test('of one principal with a login of its own is not that of the others', async () => {
    await using upstream = await startHttpUpstream(({ headers }, response) => {
      if (headers['authorization'] === 'ann') response.writeHead(500).end()
      else answerJson(response, RESULT)
    })
    await using open = openUpstream(upstream.url, {
      breaker,
      credentials: {
        headersFor: (_target, principalId = ''): readonly HeaderPair[] => [['authorization', principalId]],
        scopeFor: (_target, principalId) => principalId,
      },
    })
    const as = (principalId: string) => open.endpoint.send({ ...list, principalId })
    for (let call = 1; call <= 3; call += 1) await failureOf(as('ann'))
    expect(await failureOf(as('ann'))).toMatchObject({ reason: 'circuit_open' })
    expect(await as('bob')).toMatchObject({ kind: 'message' })
  })

  test('closes as soon as a probe finds the endpoint well', async () => {
    await using upstream = await startHttpUpstream(failing)
    await using open = openUpstream(upstream.url, { breaker })
    await fail(open.endpoint, 3)
    open.upstreams.learnStatus(open.target.endpoint.id, 'healthy')
    expect(open.endpoint.breaker.state).toBe('closed')
  })

  test('waits twice as long each time, and never longer than it may', async () => {
    await using upstream = await startHttpUpstream(failing)
    await using open = openUpstream(upstream.url, {
      breaker: { failureThreshold: 1, openMs: 5000, maxOpenMs: 60_000 },
    })
    const { breaker: circuit } = open.endpoint
    for (const expected of [5000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
      await failureOf(open.endpoint.send(list))
      // With a fifth up or down.
      expect(circuit.retryAfterMs).toBeGreaterThan(expected * 0.79)
      expect(circuit.retryAfterMs).toBeLessThanOrEqual(expected * 1.2)
      const saved = circuit.snapshot()
      circuit.restore({ ...saved, openRemainingMs: 0 })
      expect(circuit.state).toBe('half-open')
    }
  })
})

describe('calls that run past their deadline', () => {
  const tool = callOf('slow', {}, { timeoutMs: 50 })
  const overrun = async (endpoint: UpstreamEndpoint): Promise<void> => {
    for (let call = 1; call <= 3; call += 1)
      expect((await failureOf(endpoint.send(tool))).reason).toMatch(/_timeout$/u)
  }

  test('only show that a tool is slow while the server answers what it is asked', async () => {
    await using upstream = await startHttpUpstream(({ rpcMethod }, response) => {
      if (rpcMethod !== 'tools/call') answerJson(response, { ...RESULT, id: 'mreg-probe' })
    })
    await using open = openUpstream(upstream.url, { breaker })
    await overrun(open.endpoint)
    // It was asked at once, and only once.
    await expect
      .poll(() => upstream.requests.filter(({ rpcMethod }) => rpcMethod === 'server/discover'))
      .toHaveLength(1)
    expect(open.endpoint.breaker).toMatchObject({ state: 'closed', stats: { failures: 0 } })
  })

  test('are failures when a probe fails too', async () => {
    await using upstream = await startHttpUpstream(() => {})
    await using open = openUpstream(upstream.url, { breaker })
    await overrun(open.endpoint)
    expect(open.endpoint.breaker.state).toBe('closed')
    open.upstreams.learnStatus(open.target.endpoint.id, 'unhealthy')
    expect(open.endpoint.breaker.state).toBe('open')
  })
})

describe('what gateways tell each other', () => {
  test('what one has given up needs one failure at each other, and not as many as there', async () => {
    await using gateways = await cluster(failing)
    await fail(gateways.a.endpoint, 3)
    for (const { endpoint } of [gateways.b, gateways.c]) {
      // One process alone may be at fault itself: it does not open the circuits of the others.
      expect(endpoint.breaker.state).toBe('closed')
      await fail(endpoint, 1)
      expect(endpoint.breaker.state).toBe('open')
    }
    expect(gateways.upstream.requests).toHaveLength(5)
  })

  test('one that is at fault itself keeps nobody from a server that answers the others', async () => {
    await using gateways = await cluster(well)
    gateways.a.endpoint.breaker.trip()
    for (let call = 1; call <= 5; call += 1)
      expect(await gateways.b.endpoint.send(list)).toMatchObject({ kind: 'message' })
    expect(gateways.b.endpoint.breaker.state).toBe('closed')
  })

  test('the first that gets an answer closes it everywhere', async () => {
    await using gateways = await cluster(failing)
    await fail(gateways.a.endpoint, 3)
    await fail(gateways.b.endpoint, 1)
    gateways.a.upstreams.learnStatus(gateways.a.endpoint.target.endpoint.id, 'healthy')
    await expect.poll(() => gateways.b.endpoint.breaker.state).toBe('closed')
    gateways.upstream.answer(well)
    expect(await gateways.b.endpoint.send(list)).toMatchObject({ kind: 'message' })
  })

  test('nonsense on the bus moves nothing', async () => {
    await using gateways = await cluster(well)
    const name = gateways.a.endpoint.breaker.name
    for (const message of [
      '',
      '{',
      '[]',
      '{}',
      JSON.stringify({ name, state: 'open', epoch: -1 }),
      'x'.repeat(10_000),
    ])
      await gateways.cache.publish('circuit-moved', message)
    expect(await gateways.a.endpoint.send(list)).toMatchObject({ kind: 'message' })
    expect(gateways.a.endpoint.breaker.state).toBe('closed')
  })
})

describe('a gateway that begins anew', () => {
  test('leaves alone what was given up before, for the rest of the time', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'mreg-circuits-'))
    try {
      const path = join(directory, 'circuits.json')
      await using upstream = await startHttpUpstream(failing)
      const target = targetOf(upstream.url)
      const start = () => {
        const opened = openUpstream(upstream.url, { breaker, circuits: { saved: savedCircuits(path) } })
        const file = new CircuitFile({
          path,
          snapshot: () => opened.upstreams.circuits.snapshot(),
          onError: (error) => expect.fail(String(error)),
        })
        opened.upstreams.circuits.onTransition(() => file.changed())
        return { opened, file, endpoint: opened.upstreams.endpoint(target) }
      }
      const first = start()
      await fail(first.endpoint, 3)
      await first.file[Symbol.asyncDispose]()
      await first.opened[Symbol.asyncDispose]()
      expect(statSync(path).mode & 0o777).toBe(0o600)

      const second = start()
      expect(await failureOf(second.endpoint.send(list))).toMatchObject({ reason: 'circuit_open' })
      expect(upstream.requests).toHaveLength(3)
      second.opened.upstreams.learnStatus(target.endpoint.id, 'healthy')
      await second.file[Symbol.asyncDispose]()
      await second.opened[Symbol.asyncDispose]()
      expect(savedCircuits(path)).toEqual([])
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  test('begins with closed circuits where nothing, or nonsense, was kept', async () => {
    await using upstream = await startHttpUpstream(well)
    const target = targetOf(upstream.url)
    expect(savedCircuits('/nowhere/circuits.json')).toEqual([])
    await using first = openUpstream(upstream.url)
    const { name } = first.upstreams.endpoint(target).breaker
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what another version may have written
    const saved = [{ name, phase: 'open' }] as unknown as ReturnType<typeof savedCircuits>
    await using second = openUpstream(upstream.url, { circuits: { saved } })
    expect(second.upstreams.endpoint(target).breaker.state).toBe('closed')
  })
})
