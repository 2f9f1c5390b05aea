import { X509Certificate } from 'node:crypto'
import { TLSSocket } from 'node:tls'

import { authority, clientCertificate, goodCertificate, signedCertificate } from '@mreg/testing'
import { expect, test } from 'vitest'

import { createHttpClient } from '../src/got.ts'
import { type EndpointTlsOptions, HttpPool, type PoolTlsOptions } from '../src/index.ts'
import { failureOf } from './support/failure-of.ts'
import { startHttpServer } from './support/http-server.ts'

const toLoopback: NonNullable<ConstructorParameters<typeof HttpPool>[0]>['lookup'] = (
  _hostname,
  options,
  done,
) => (options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4))

/** Answers with the name in the client's certificate, and with the name that was asked for in TLS. */
const startServer = (tls: object = signedCertificate): ReturnType<typeof startHttpServer> =>
  startHttpServer(
    ({ socket }, response) => {
      if (!(socket instanceof TLSSocket)) throw new Error('not TLS')
      const certificate = socket.getPeerCertificate()
      const name = Object.keys(certificate).length === 0 ? 'nobody' : String(certificate.subject.CN)
      response.end(`${name} ${String(socket.servername)}`)
    },
    { tls },
  )

const forms = (
  pool: HttpPool,
  url: URL,
  tls?: EndpointTlsOptions,
): readonly (readonly [string, () => Promise<string>])[] => [
  ['relay', async () => (await (await pool.relay({ url, method: 'GET', tls })).body.bytes()).toString()],
  ['got', async () => (await createHttpClient(pool).get(url, { tls })).text()],
]

const at = (url: URL, hostname: string): URL => {
  const copy = new URL(url)
  copy.hostname = hostname
  return copy
}

test('an authority of one endpoint is trusted for its requests, and for no others', async () => {
  await using server = await startServer()
  await using pool = new HttpPool({ lookup: toLoopback })
  const url = at(server.url, 'mcp.test')
  for (const [form, send] of forms(pool, url, { ca: authority.cert })) {
    expect([form, await send()]).toEqual([form, 'nobody mcp.test'])
  }
  // The connection that is open is not theirs.
  for (const [, send] of forms(pool, url)) {
    expect(await failureOf(send())).toMatchObject({ reason: 'tls', requestSent: false })
  }
  expect(server.connectionsAccepted).toBe(3)
  await expect.poll(() => pool.stats().origins.get(url.origin)).toMatchObject({ open: 1, idle: 1 })
})

test('a client certificate of one endpoint is shown for its requests only, and connections are never mixed', async () => {
  const tls = { ...signedCertificate, ca: authority.cert, requestCert: true, rejectUnauthorized: false }
  await using server = await startServer(tls)
  await using pool = new HttpPool({ lookup: toLoopback, tls: { ca: authority.cert } })
  const url = at(server.url, 'mcp.test')
  const own = { ca: authority.cert, ...clientCertificate }
  for (let round = 0; round < 2; round += 1) {
    for (const [, send] of forms(pool, url, { ...own })) expect(await send()).toBe('client.test mcp.test')
    for (const [, send] of forms(pool, url)) expect(await send()).toBe('nobody mcp.test')
  }
  // Two ways of doing TLS, one kept connection each, whatever the object that says so.
  expect(server.connectionsAccepted).toBe(2)
})

test('the name in the certificate can be given', async () => {
  await using server = await startServer()
  await using pool = new HttpPool({ lookup: toLoopback })
  const url = at(server.url, 'service.internal')
  const tls = { ca: authority.cert, servername: 'other.test' }
  for (const [, send] of forms(pool, url, tls)) expect(await send()).toBe('nobody other.test')
  for (const [, send] of forms(pool, url, { ca: authority.cert })) {
    expect(await failureOf(send())).toMatchObject({ reason: 'tls', requestSent: false })
  }
})

test.each<[string, PoolTlsOptions]>([
  ['ca', { ca: [authority.cert, goodCertificate.cert] }],
  ['extraCa as one text', { extraCa: `${authority.cert}${goodCertificate.cert}` }],
  [
    'extraCa as a list, besides the system',
    { extraCa: [authority.cert, goodCertificate.cert], systemCa: true },
  ],
])('the authorities of the pool: %s', async (_what, tls) => {
  await using signed = await startServer()
  await using selfSigned = await startServer(goodCertificate)
  await using pool = new HttpPool({ lookup: toLoopback, tls })
  for (const url of [at(signed.url, 'mcp.test'), at(selfSigned.url, 'localhost')]) {
    for (const [, send] of forms(pool, url)) expect(await send()).toBe(`nobody ${url.hostname}`)
  }
})

test('extra authorities do not replace the usual ones', async () => {
  const { trustedAuthorities } = await import('../src/tls/trusted-authorities.ts')
  const usual = trustedAuthorities({ extraCa: [] })
  const more = trustedAuthorities({ extraCa: authority.cert })
  const withSystem = trustedAuthorities({ systemCa: true })
  expect(trustedAuthorities({})).toBeUndefined()
  expect(trustedAuthorities({ ca: authority.cert, systemCa: true })).toBe(authority.cert)
  expect(new X509Certificate(String([usual].flat()[0])).subject).not.toBe('')
  expect([usual].flat().length).toBeGreaterThan(50)
  expect([more].flat()).toEqual([...[usual].flat(), authority.cert])
  expect([withSystem].flat().slice(0, [usual].flat().length)).toEqual([usual].flat())
})

test('a certificate or key that cannot be read fails as tls, in both forms, and is not repeated', async () => {
  await using server = await startServer()
  await using pool = new HttpPool({ lookup: toLoopback })
  const url = at(server.url, 'mcp.test')
  const nonsense = '-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n'
  for (const tls of [{ cert: clientCertificate.cert, key: nonsense }, { cert: 'nonsense' }]) {
    for (const [, send] of forms(pool, url, tls)) {
      const failure = await failureOf(send())
      expect(failure).toMatchObject({ reason: 'tls', requestSent: false })
      expect(String(failure.stack) + String(failure.cause)).not.toContain('s3cret')
    }
  }
  expect(server.connectionsAccepted).toBe(0)
})

test('closing the pool closes the connections of every way of doing TLS', async () => {
  await using server = await startServer()
  const pool = new HttpPool({ lookup: toLoopback })
  const url = at(server.url, 'mcp.test')
  for (const servername of ['mcp.test', 'other.test']) {
    for (const [, send] of forms(pool, url, { ca: authority.cert, servername })) await send()
  }
  expect(pool.stats()).toMatchObject({ open: 2, idle: 2 })
  await pool.close()
  expect(pool.stats().open).toBe(0)
  await expect.poll(() => server.connectionsOpen).toBe(0)
})

test('ways of doing TLS that have no connection are forgotten', async () => {
  await using server = await startServer()
  await using pool = new HttpPool({ lookup: toLoopback, maxIdleConnectionsPerOrigin: 0 })
  const url = at(server.url, 'mcp.test')
  const first = pool.agentsFor({ ca: authority.cert, servername: 'mcp.test' })
  expect(pool.agentsFor({ ca: authority.cert, servername: 'mcp.test' })).toBe(first)
  for (let index = 0; index < 300; index += 1) pool.agentsFor({ servername: `n${index}.test` })
  expect(pool.agentsFor({ ca: authority.cert, servername: 'mcp.test' })).not.toBe(first)
  for (const [, send] of forms(pool, url, { ca: authority.cert }))
    expect(await send()).toBe('nobody mcp.test')
})
