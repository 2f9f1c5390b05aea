import { once } from 'node:events'
import http from 'node:http'
import type { LookupFunction } from 'node:net'

import { httpResponse, startScriptedUpstream } from '@mreg/testing'
import { expect, test } from 'vitest'

import { createHttpClient } from '../src/got.ts'
import { createEgressGuard, HttpPool } from '../src/index.ts'
import { failureOf } from './support/failure-of.ts'
import { startHttpServer } from './support/http-server.ts'

/** Resolves names from a list, each answer once, the last for ever. */
const scriptedLookup = (...answers: readonly string[][]): LookupFunction => {
  let asked = 0
  return (_hostname, options, done) => {
    const addresses = answers[Math.min(asked, answers.length - 1)] ?? []
    asked += 1
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    if (options.all === true) done(null, found)
    else done(null, found[0]?.address ?? '', found[0]?.family)
  }
}

const named = (url: URL, hostname: string): URL => {
  const copy = new URL(url)
  copy.hostname = hostname
  return copy
}

test.each(['127.0.0.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', '0.0.0.0', '[::]', 'localhost'])(
  'S25: the guard lets no connection go to %s, in both forms',
  async (host) => {
    await using canary = await startHttpServer((_request, response) => response.end())
    await using pool = new HttpPool({ egress: createEgressGuard() })
    const url = new URL(`http://${host}:${canary.url.port}/`)
    const failures = [
      await failureOf(pool.relay({ url, method: 'POST' })),
      await failureOf(createHttpClient(pool).get(url)),
      await failureOf(pool.reserve(url)),
    ]
    for (const failure of failures) {
      expect(failure).toMatchObject({ reason: 'egress_denied', requestSent: false })
      expect(failure.cause).toMatchObject({ code: 'ERR_EGRESS_DENIED' })
    }
    expect(canary.connectionsAccepted).toBe(0)
    expect(pool.stats()).toMatchObject({ open: 0, active: 0, queued: 0 })
  },
)

test('S26: a name that is resolved to an address of the inside is refused when it is connected', async () => {
  await using canary = await startHttpServer((_request, response) => response.end())
  await using pool = new HttpPool({
    egress: createEgressGuard(),
    lookup: scriptedLookup(['127.0.0.1', '::1']),
  })
  const url = named(canary.url, 'mcp.test')
  for (const failure of [
    await failureOf(pool.relay({ url, method: 'POST' })),
    await failureOf(createHttpClient(pool).get(url)),
  ]) {
    expect(failure).toMatchObject({ reason: 'egress_denied', requestSent: false })
    expect(failure.cause).toMatchObject({ address: '127.0.0.1', hostname: 'mcp.test', kind: 'loopback' })
    // The message is for logs near clients: it names the origin, not what is inside.
    expect(failure.message).not.toContain('127.0.0.1')
  }
  expect(canary.connectionsAccepted).toBe(0)
})

test('S26: a name that changes its address after the first connection gains nothing', async () => {
  await using server = await startHttpServer((_request, response) => response.end('ok'))
  // 127.0.0.1 plays the outside, 127.0.0.2 the inside.
  const egress = createEgressGuard({ allowNetworks: ['127.0.0.1'] })
  await using pool = new HttpPool({ egress, lookup: scriptedLookup(['127.0.0.1'], ['127.0.0.2']) })
  const url = named(server.url, 'rebinding.test')
  const response = await pool.relay({ url, method: 'GET' })
  expect((await response.body.bytes()).toString()).toBe('ok')
  pool.closeIdle()
  expect(await failureOf(pool.relay({ url, method: 'GET' }))).toMatchObject({ reason: 'egress_denied' })
})

test('S26: of several addresses only those that are allowed are tried', async () => {
  await using server = await startHttpServer((_request, response) => response.end('ok'), { host: '0.0.0.0' })
  const egress = createEgressGuard({ allowNetworks: ['127.0.0.3'] })
  await using pool = new HttpPool({
    egress,
    lookup: scriptedLookup(['127.0.0.2', '::1', '127.0.0.3', '127.0.0.4']),
  })
  const response = await pool.relay({ url: named(server.url, 'many.test'), method: 'GET' })
  expect(response.remoteAddress).toBe('127.0.0.3')
  response.body.discard()
})

test('S27: a redirect to the inside is a response like any other', async () => {
  await using canary = await startHttpServer((_request, response) => response.end())
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: httpResponse(302, { location: named(canary.url, '127.0.0.2').href }) },
    'read-request',
    { send: httpResponse(307, { location: named(canary.url, '127.0.0.2').href }) },
  ])
  await using pool = new HttpPool({ egress: createEgressGuard({ allowNetworks: ['127.0.0.1'] }) })
  const relayed = await pool.relay({ url: new URL(upstream.url), method: 'GET' })
  relayed.body.discard()
  expect(relayed.status).toBe(302)
  expect((await createHttpClient(pool).get(upstream.url)).status).toBe(307)
  expect(canary.connectionsAccepted).toBe(0)
})

test('S27: the agents make no connection that the guard refuses, whoever uses them', async () => {
  await using canary = await startHttpServer((_request, response) => response.end())
  await using pool = new HttpPool({ egress: createEgressGuard(), lookup: scriptedLookup(['127.0.0.1']) })
  const { port } = canary.url
  for (const options of [
    { hostname: '127.0.0.1', port },
    { hostname: '::ffff:127.0.0.1', port },
    { hostname: 'mcp.test', port },
    // A resolver of the caller's own is not asked.
    { hostname: 'mcp.test', port, lookup: scriptedLookup(['8.8.8.8']) },
    { socketPath: '/tmp/no-such.sock' },
  ]) {
    const request = http.get({ ...options, agent: pool.agents.http })
    await expect(once(request, 'response')).rejects.toThrow(/egress_denied/u)
  }
  expect(canary.connectionsAccepted).toBe(0)
  await expect.poll(() => pool.stats().open).toBe(0)
})

test('a policy may judge addresses alone', async () => {
  await using canary = await startHttpServer((_request, response) => response.end())
  const asked: string[][] = []
  await using pool = new HttpPool({
    egress: {
      checkAddress(address, hostname) {
        asked.push([address, hostname])
        throw new Error('not today')
      },
    },
  })
  const failure = await failureOf(pool.relay({ url: canary.url, method: 'GET' }))
  expect(failure).toMatchObject({
    reason: 'egress_denied',
    requestSent: false,
    cause: new Error('not today'),
  })
  expect(asked).toEqual([['127.0.0.1', '127.0.0.1']])
  expect(canary.connectionsAccepted).toBe(0)
})
