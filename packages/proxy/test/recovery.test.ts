import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'

import { answerJson, type HttpUpstreamHandler, startHttpUpstream } from '@mreg/testing'
import { isJsonObject, parseJsonObject } from '@mreg/upstream'
import { describe, expect, test } from 'vitest'

import { callOf, errorOf, initialize } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { openProxy, registered } from './support/open-proxy.ts'

/** Those who wait for the server to be back. */
const CALLERS = 60
const SERVE_MS = 20

/** A server of both eras that says how many calls it had at once at most. */
const startGauge = async () => {
  const executions: string[] = []
  let now = 0
  let peak = 0
  const handler: HttpUpstreamHandler = ({ body, method, rpcId: id, rpcMethod }, response) => {
    if (method !== 'POST') return void response.writeHead(405).end()
    if (id === undefined) return void response.writeHead(202).end()
    const answer = (result: object): void =>
      answerJson(response, { jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } })
    if (rpcMethod !== 'tools/call')
      return answer({
        protocolVersion: '2025-11-25',
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: {} },
        serverInfo: { name: 'gauge', version: '1' },
      })
    const params = parseJsonObject(Buffer.from(body))?.['params']
    const given = isJsonObject(params) ? params['arguments'] : undefined
    const nonce = isJsonObject(given) ? String(given['nonce']) : ''
    executions.push(nonce)
    now += 1
    peak = Math.max(peak, now)
    setTimeout(() => {
      now -= 1
      answer({ content: [{ type: 'text', text: nonce }] })
    }, SERVE_MS)
    return undefined
  }
  const upstream = await startHttpUpstream(handler)
  return {
    upstream,
    executions,
    /** The most at once since the last time that somebody asked. */
    takePeak: () => {
      const seen = peak
      peak = now
      return seen
    },
    isAway: (isAway: boolean) =>
      upstream.answer(isAway ? (_request, response) => void response.writeHead(503).end() : handler),
    [Symbol.asyncDispose]: () => upstream.stop(),
  }
}

describe.each(['legacy', 'modern'] as const)('a server of the %s era with many callers', (era) => {
  test('F56: is tried by one call when it may be back, and then has no more at once than before', async () => {
    await using gauge = await startGauge()
    await using open = openProxy({
      era: { legacy: era === 'legacy', modern: era === 'modern' },
      breaker: { failureThreshold: 5, openMs: 300, maxOpenMs: 300 },
      timeouts: { toolCallMs: 60_000, requestMs: 60_000 },
      connectTimeoutMs: 60_000,
    })
    open.register(registered(gauge.upstream.url))
    const { ask } = era === 'legacy' ? await initialize(open.proxy) : { ask: undefined }
    const [target] = open.routes.lookup('default', 'fixture')?.targets ?? []
    if (target === undefined) throw new Error('there is no endpoint')
    const { breaker } = open.upstreams.endpoint(target)
    const answered: string[] = []
    const over = new AbortController()
    const keepCalling = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const nonce = randomUUID()
        const { last } = await (ask === undefined
          ? sendModern(open, 'tools/call', { name: 'pay', arguments: { nonce } })
          : ask(callOf('pay', { nonce })))
        const isAnswer = 'result' in last
        expect(isAnswer ? 'an answer' : errorOf(last).data['reason']).toMatch(
          /^(an answer|upstream_status|circuit_open)$/u,
        )
        if (isAnswer) {
          answered.push(JSON.stringify(last).includes(nonce) ? nonce : 'of another')
        } else {
          await delay(25)
        }
      }
    }
    const callers = Array.from({ length: CALLERS }, keepCalling)

    await expect.poll(() => answered.length, { timeout: 30_000 }).toBeGreaterThan(CALLERS * 2)
    const steady = gauge.takePeak()
    gauge.isAway(true)
    await expect.poll(() => breaker.state, { timeout: 30_000 }).toBe('open')
    // Those that were let in before have had their answers.
    await expect.poll(() => breaker.stats.outstanding, { timeout: 30_000 }).toBe(0)
    gauge.takePeak()
    const executedBefore = gauge.executions.length
    const [firsts, whileTried]: [number[], string[]] = [[], []]
    open.upstreams.circuits.onTransition(({ to }) => {
      whileTried.push(to)
      if (to === 'closed') firsts.push(gauge.executions.length - executedBefore)
    })
    gauge.isAway(false)
    await expect.poll(() => whileTried, { timeout: 30_000 }).toContain('closed')
    const after = answered.length
    await expect.poll(() => answered.length, { timeout: 30_000 }).toBeGreaterThan(after + CALLERS * 2)
    over.abort()
    await Promise.all(callers)

    // One, and nobody beside it, until it was found well.
    expect(firsts[0]).toBeLessThanOrEqual(1)
    expect(gauge.takePeak()).toBeLessThanOrEqual(steady * 1.5)
    expect(new Set(gauge.executions).size).toBe(gauge.executions.length)
    expect(gauge.executions.toSorted()).toEqual(answered.toSorted())
  }, 120_000)
})
