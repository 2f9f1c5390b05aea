import { expect, test } from 'vitest'

import { createHttpClient } from '../src/got.ts'
import { HttpPool } from '../src/index.ts'
import { failureOf } from './support/failure-of.ts'
import { startHttpServer } from './support/http-server.ts'

test.each([
  [
    'throws',
    () => {
      throw new Error('private range')
    },
  ],
  ['rejects', () => Promise.reject(new Error('private range'))],
])('a target that the policy refuses (%s) is never contacted, in both forms', async (_how, checkTarget) => {
  await using canary = await startHttpServer((_request, response) => response.end())
  await using pool = new HttpPool({ egress: { checkTarget } })
  const relayed = await failureOf(pool.relay({ url: canary.url, method: 'POST' }))
  const requested = await failureOf(createHttpClient(pool).get(canary.url))
  for (const failure of [relayed, requested]) {
    expect(failure).toMatchObject({
      reason: 'egress_denied',
      requestSent: false,
      cause: new Error('private range'),
    })
  }
  expect(canary.connectionsAccepted).toBe(0)
  expect(pool.stats()).toMatchObject({ open: 0, active: 0, queued: 0 })
})

test('a policy is asked for every request, and may take its time', async () => {
  await using server = await startHttpServer((_request, response) => response.end('ok'))
  const asked: string[] = []
  await using pool = new HttpPool({
    egress: {
      async checkTarget(url) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        asked.push(url.href)
      },
    },
  })
  const response = await pool.relay({ url: server.url, method: 'GET' })
  expect((await response.body.bytes()).toString()).toBe('ok')
  await createHttpClient(pool).get(server.url)
  expect(asked).toEqual([server.url.href, server.url.href])
})

test('a policy that never answers is given up at the queue time-out', async () => {
  await using server = await startHttpServer((_request, response) => response.end('ok'))
  await using pool = new HttpPool({
    egress: { checkTarget: () => new Promise(() => undefined) },
    timeouts: { queueMs: 80 },
  })
  for (const sent of [
    pool.relay({ url: server.url, method: 'GET' }),
    createHttpClient(pool).get(server.url),
  ]) {
    expect(await failureOf(sent)).toMatchObject({ reason: 'queue_timeout', requestSent: false })
  }
  expect(server.connectionsAccepted).toBe(0)
})

test('the resolver of the pool resolves names for both forms, and no IP literals', async () => {
  await using server = await startHttpServer((_request, response) => response.end('ok'))
  const resolved: string[] = []
  await using pool = new HttpPool({
    lookup: (hostname, options, done) => {
      resolved.push(hostname)
      if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }])
      else done(null, '127.0.0.1', 4)
    },
  })
  const named = new URL(server.url)
  named.hostname = 'mcp.test'
  const response = await pool.relay({ url: named, method: 'GET' })
  response.body.discard()
  await createHttpClient(pool).get(new URL('/', named), { headers: { connection: 'close' } })
  await createHttpClient(pool).get(server.url)
  expect(new Set(resolved)).toEqual(new Set(['mcp.test']))
  expect(server.requests[0]?.rawHeaders.slice(0, 2)).toEqual(['Host', named.host])
})
