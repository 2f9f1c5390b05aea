import { expiredCertificate, goodCertificate, startScriptedUpstream } from '@mreg/testing'
import { expect, test } from 'vitest'

import { createHttpClient } from '../src/got.ts'
import { HttpPool } from '../src/index.ts'
import { failureOf } from './support/failure-of.ts'
import { startHttpServer } from './support/http-server.ts'

const body = Buffer.from('{}')

test('a server whose authority the pool trusts is reached over TLS, and its connection is used again', async () => {
  await using server = await startHttpServer((_request, response) => response.end('private'), {
    tls: goodCertificate,
  })
  await using pool = new HttpPool({ tls: { ca: goodCertificate.cert } })
  for (const reused of [false, true]) {
    const response = await pool.relay({ url: server.url, method: 'POST', body })
    expect((await response.body.bytes()).toString()).toBe('private')
    expect(response.reusedSocket).toBe(reused)
  }
  expect(pool.stats().origins.get(server.url.origin)).toMatchObject({ open: 1, idle: 1 })
})

test.each([
  ['an expired certificate', expiredCertificate, expiredCertificate.cert, '127.0.0.1'],
  ['a certificate of an unknown authority', goodCertificate, undefined, '127.0.0.1'],
  ['a certificate for another name', goodCertificate, goodCertificate.cert, 'other.test'],
])(
  'F5: %s fails as tls, on both forms, and the server gets no byte of the request',
  async (_what, served, ca, host) => {
    await using server = await startHttpServer((_request, response) => response.end('private'), {
      tls: served,
    })
    await using pool = new HttpPool({
      tls: ca === undefined ? {} : { ca },
      lookup: (_hostname, options, done) =>
        options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
    })
    const url = new URL(server.url)
    url.hostname = host
    const failure = await failureOf(pool.relay({ url, method: 'POST', body }))
    expect(failure).toMatchObject({ reason: 'tls', requestSent: false })
    const client = createHttpClient(pool)
    expect(await failureOf(client.post(url, { body }))).toMatchObject({ reason: 'tls', requestSent: false })
    await expect.poll(() => server.connectionsOpen).toBe(0)
    expect(server.requests).toEqual([])
    expect(pool.stats()).toMatchObject({ open: 0, active: 0 })
  },
)

test.each([
  ['closes', ['end']],
  ['resets', ['reset']],
  ['answers in plain HTTP', [{ send: 'HTTP/1.1 400 Bad Request\r\n\r\n' }]],
] as const)('F5: a server that %s in the handshake fails as tls', async (_how, steps) => {
  await using upstream = await startScriptedUpstream([{ sleepMs: 20 }, ...steps])
  await using pool = new HttpPool()
  const url = new URL(`https://127.0.0.1:${upstream.port}/`)
  const failure = await failureOf(pool.relay({ url, method: 'POST', body }))
  expect(failure).toMatchObject({ reason: 'tls', requestSent: false })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

test('a refused connection to an https origin is unreachable, not tls', async () => {
  const upstream = await startScriptedUpstream()
  await upstream.stop()
  await using pool = new HttpPool()
  const url = new URL(`https://127.0.0.1:${upstream.port}/`)
  expect(await failureOf(pool.relay({ url, method: 'POST', body }))).toMatchObject({
    reason: 'unreachable',
    requestSent: false,
  })
})
