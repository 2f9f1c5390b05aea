import { answerJson, startFixtureServer, startHttpUpstream, startModernServer } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { EndpointEra, type EraFinding } from '../src/era/endpoint-era.ts'
import { requestOf } from './support/messages.ts'
import { openUpstream } from './support/open-upstream.ts'

const MINUTE = 60_000
/** For busy machines. */
const PATIENT = { connectTimeoutMs: 10_000 }

/** A verdict whose clock stands still until it is moved, and whose questions are answered with `answers`, in order. */
const eraThatFinds = (answers: readonly EraFinding[]) => {
  const clock = { now: 0 }
  const asked = { times: 0 }
  const era: EndpointEra = new EndpointEra({
    now: () => clock.now,
    ask: async () => {
      const found = answers[asked.times]
      asked.times += 1
      if (found !== undefined) era.learn(found)
    },
  })
  return { era, clock, asked }
}

describe('a verdict', () => {
  test.each<[EraFinding, 'legacy' | 'modern' | undefined, 'legacy' | 'modern' | undefined]>([
    [{}, undefined, undefined],
    [{ modern: true }, undefined, 'modern'],
    [{ legacy: true }, 'legacy', 'legacy'],
    [{ modern: true, legacy: true }, 'legacy', 'modern'],
    [{ modern: true, legacy: false }, 'modern', 'modern'],
    [{ modern: false, legacy: true }, 'legacy', 'legacy'],
  ])('from %j: an older client %s, a newer one %s', (finding, older, newer) => {
    const { era } = eraThatFinds([])
    era.learn(finding)
    expect(era.known('legacy')).toBe(older)
    expect(era.known('modern')).toBe(newer)
  })

  test('is asked for once, however many wait', async () => {
    const { asked, era } = eraThatFinds([{ modern: true }])
    expect(await Promise.all([1, 2, 3].map(() => era.find('modern', MINUTE)))).toEqual(
      Array(3).fill('modern'),
    )
    expect(asked.times).toBe(1)
  })

  test('that is slow is not waited for longer than one wants to', async () => {
    const era = new EndpointEra({ ask: () => new Promise(() => {}) })
    expect(await era.find('modern', 1)).toBeUndefined()
  })

  test('that there is only the older era is found out anew after ten minutes, behind whoever asks', async () => {
    const { asked, clock, era } = eraThatFinds([{ modern: true }])
    era.learn({ modern: false, legacy: true })
    clock.now = 9 * MINUTE
    expect(era.known('modern')).toBe('legacy')
    expect(asked.times).toBe(0)
    clock.now = 11 * MINUTE
    expect(era.known('modern')).toBe('legacy')
    await expect.poll(() => era.known('modern')).toBe('modern')
    expect(asked.times).toBe(1)
  })

  test('that is doubted is not asked for again and again', async () => {
    const { asked, clock, era } = eraThatFinds([])
    era.doubt()
    era.doubt()
    expect(asked.times).toBe(1)
    clock.now = 11_000
    await expect
      .poll(() => {
        era.doubt()
        return asked.times
      })
      .toBe(2)
  })
})

describe('an endpoint', () => {
  test('of each era is asked when somebody wants to know', async () => {
    await using older = await startFixtureServer()
    await using newer = await startModernServer()
    await using openOlder = openUpstream(older.url, PATIENT)
    await using openNewer = openUpstream(newer.url, PATIENT)
    expect(await openOlder.endpoint.era.find('modern', MINUTE)).toBe('legacy')
    expect(await openNewer.endpoint.era.find('modern', MINUTE)).toBe('modern')
    // No session is left behind by the question.
    expect(older.sessionIds).toEqual([])
  })

  test.each([401, 403, 429, 500, 502, 503])('that answers %i says nothing of its era', async (status) => {
    await using upstream = await startHttpUpstream((_request, response) => response.writeHead(status).end())
    await using open = openUpstream(upstream.url, PATIENT)
    expect(await open.endpoint.era.find('modern', MINUTE)).toBeUndefined()
  })

  test('that fails at the newer question and answers the older one may speak both', async () => {
    await using upstream = await startHttpUpstream(({ rpcId, rpcMethod }, response) => {
      const result = {
        protocolVersion: '2025-11-25',
        capabilities: {},
        serverInfo: { name: 'x', version: '1' },
      }
      if (rpcMethod === 'initialize') answerJson(response, { jsonrpc: '2.0', id: rpcId, result })
      else response.writeHead(500).end()
    })
    await using open = openUpstream(upstream.url, PATIENT)
    expect(await open.endpoint.era.find('modern', MINUTE)).toBe('legacy')
    open.endpoint.era.learn({ modern: true })
    expect(open.endpoint.era.known('legacy')).toBe('legacy')
    expect(open.endpoint.era.known('modern')).toBe('modern')
  })

  test('whose circuit is open is not asked', async () => {
    await using upstream = await startHttpUpstream((_request, response) => response.writeHead(500).end())
    await using open = openUpstream(upstream.url, PATIENT)
    for (let failure = 1; failure <= 3; failure += 1) open.endpoint.breaker.record('failure')
    expect(open.endpoint.breaker.state).toBe('open')
    expect(await open.endpoint.era.find('modern', MINUTE)).toBeUndefined()
    expect(upstream.requests).toEqual([])
  })

  test('that refuses an older request with an error of the newer era is newer from then on', async () => {
    await using server = await startModernServer()
    await using open = openUpstream(server.url, PATIENT)
    open.endpoint.era.learn({ modern: false, legacy: true })
    expect(await open.endpoint.send(requestOf('tools/list'))).toMatchObject({ kind: 'refused', status: 400 })
    expect(open.endpoint.era.known('legacy')).toBe('modern')
    expect(open.endpoint.era.known('modern')).toBe('modern')
  })

  test('that does not understand a newer request any more is asked anew', async () => {
    await using server = await startFixtureServer()
    await using open = openUpstream(server.url, PATIENT)
    open.endpoint.era.learn({ modern: true })
    await open.endpoint.send({ ...requestOf('tools/list'), protocolVersion: '2026-07-28' })
    await expect.poll(() => open.endpoint.era.known('modern'), { timeout: 15_000 }).toBe('legacy')
  })
})
