import { inspect } from 'node:util'

import { authority, freePort, goodCertificate, signedCertificate, startScriptedUpstream } from '@mreg/testing'
import { expect, test } from 'vitest'

import { createHttpClient, type HttpClient } from '../src/got.ts'
import { createEgressGuard, HttpPool } from '../src/index.ts'
import { failureOf } from './support/failure-of.ts'
import { startHttpServer } from './support/http-server.ts'
import { startProxyServer } from './support/proxy-server.ts'

const PASSWORD = 's3cr:t/@'
const CREDENTIALS = `Basic ${Buffer.from(`me:${PASSWORD}`).toString('base64')}`

/** The same request in both forms. */
const FORMS: readonly (readonly [string, (pool: HttpPool, url: URL, body: string) => Promise<string>])[] = [
  [
    'the relay',
    async (pool, url, body) => {
      const response = await pool.relay({ url, method: 'POST', body: Buffer.from(body) })
      return `${response.status} ${(await response.body.bytes()).toString()}`
    },
  ],
  [
    'got',
    async (pool, url, body) => {
      const response = await createHttpClient(pool).post(url, { body })
      return `${response.status} ${response.text()}`
    },
  ],
]

const named = (url: URL, hostname: string): URL => {
  const copy = new URL(url)
  copy.hostname = hostname
  return copy
}

const withCredentials = (url: URL): URL => {
  const copy = new URL(url)
  copy.username = 'me'
  copy.password = PASSWORD
  return copy
}

const startEcho = (tls?: typeof signedCertificate): ReturnType<typeof startHttpServer> =>
  startHttpServer(
    (request, response, body) => response.end(`${request.url} ${body}`),
    tls === undefined ? {} : { tls },
  )

test.each(FORMS)(
  '%s asks a proxy for the whole URL of an http target, on kept connections',
  async (_form, send) => {
    await using server = await startEcho()
    await using proxy = await startProxyServer()
    await using pool = new HttpPool({ proxy: { http: withCredentials(proxy.url) } })
    const url = named(new URL('/mcp?a=1', server.url), 'mcp.test')
    expect(await send(pool, url, 'one')).toBe('200 /mcp?a=1 one')
    expect(await send(pool, url, 'two')).toBe('200 /mcp?a=1 two')
    expect(proxy.asked).toEqual([`POST ${url.href}`, `POST ${url.href}`])
    expect(proxy.credentials).toEqual([CREDENTIALS, CREDENTIALS])
    expect(proxy.connectionsAccepted).toBe(1)
    expect(server.requests[0]?.rawHeaders.join('\n').toLowerCase()).toContain(`host\n${url.host}`)
    expect(server.requests[0]?.rawHeaders.join('\n').toLowerCase()).not.toContain('proxy-')
    expect(pool.stats().origins.get(url.origin)).toMatchObject({ open: 1, idle: 1 })
  },
)

test.each(FORMS)(
  '%s reaches an https target through a tunnel, with TLS inside, kept open',
  async (_form, send) => {
    await using server = await startEcho(signedCertificate)
    await using proxy = await startProxyServer()
    await using pool = new HttpPool({
      proxy: { https: withCredentials(proxy.url) },
      tls: { ca: authority.cert },
    })
    const url = named(server.url, 'mcp.test')
    expect(await send(pool, url, 'one')).toBe('200 /mcp one')
    expect(await send(pool, url, 'two')).toBe('200 /mcp two')
    expect(proxy.asked).toEqual([`CONNECT ${url.host}`])
    expect(proxy.credentials).toEqual([CREDENTIALS])
    expect(server.requests.map(({ body }) => body)).toEqual(['one', 'two'])
    expect(server.requests[0]?.rawHeaders.join('\n').toLowerCase()).not.toContain('proxy-')
    expect(pool.stats()).toMatchObject({ open: 1, idle: 1 })
    pool.closeIdle()
    await expect.poll(() => pool.stats().open).toBe(0)
    await expect.poll(() => server.connectionsOpen).toBe(0)
    await expect.poll(() => proxy.connectionsOpen).toBe(0)
  },
)

test.each(FORMS)(
  '%s reaches both kinds of target through a proxy that speaks TLS itself',
  async (_form, send) => {
    await using plain = await startEcho()
    await using secured = await startEcho(goodCertificate)
    await using proxy = await startProxyServer({ tls: goodCertificate })
    await using pool = new HttpPool({
      proxy: { http: named(proxy.url, 'localhost'), https: proxy.url },
      tls: { ca: goodCertificate.cert },
    })
    expect(await send(pool, named(plain.url, 'mcp.test'), 'a')).toBe('200 /mcp a')
    // The certificate is for localhost, which no proxy is asked for: the name in the certificate is given.
    const tls = { ca: goodCertificate.cert, servername: 'localhost' }
    const response = await pool.relay({ url: named(secured.url, 'mcp.test'), method: 'GET', tls })
    expect((await response.body.bytes()).toString()).toBe('/mcp ')
    expect(proxy.asked.map((line) => line.split(' ')[0])).toEqual(['POST', 'CONNECT'])
  },
)

test('a password that is no percent-encoding is sent as it is written', async () => {
  await using server = await startEcho()
  await using proxy = await startProxyServer()
  await using pool = new HttpPool({ proxy: { http: `http://me:100%@${proxy.url.host}` } })
  const response = await pool.relay({ url: named(server.url, 'mcp.test'), method: 'GET' })
  response.body.discard()
  expect(proxy.credentials).toEqual([`Basic ${Buffer.from('me:100%').toString('base64')}`])
})

test('loopback, and what NO_PROXY names, is reached without the proxy', async () => {
  await using server = await startEcho()
  await using proxy = await startProxyServer()
  await using pool = new HttpPool({
    proxy: { http: proxy.url, noProxy: 'direct.test' },
    lookup: (_hostname, options, done) =>
      options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
  })
  for (const hostname of ['127.0.0.1', 'localhost', 'direct.test', 'below.direct.test']) {
    const response = await pool.relay({ url: named(server.url, hostname), method: 'GET' })
    response.body.discard()
    expect((await createHttpClient(pool).get(named(server.url, hostname))).status).toBe(200)
  }
  expect(proxy.connectionsAccepted).toBe(0)
})

test.each([
  ['refuses the credentials', 407, 'proxy', 'ERR_PROXY_STATUS_407'],
  ['does not allow the target', 403, 'proxy', 'ERR_PROXY_STATUS_403'],
  ['cannot reach the target', 502, 'unreachable', 'ERR_PROXY_STATUS_502'],
  ['waits in vain for the target', 504, 'unreachable', 'ERR_PROXY_STATUS_504'],
])('a proxy that %s is named as the reason, without its credentials', async (_what, status, reason, code) => {
  await using proxy = await startProxyServer({ connect: { status } })
  await using pool = new HttpPool({ proxy: { https: withCredentials(proxy.url) } })
  const url = new URL('https://mcp.test/')
  for (const failure of [
    await failureOf(pool.relay({ url, method: 'POST' })),
    await failureOf(createHttpClient(pool).post(url)),
  ]) {
    expect(failure).toMatchObject({ reason, requestSent: false })
    expect(failure.message).toContain(code)
    expectNoCredentials(failure)
  }
  expect(proxy.credentials).toEqual([CREDENTIALS, CREDENTIALS])
  expectNoCredentials(pool)
  expectNoCredentials(pool.options)
  await expect.poll(() => proxy.connectionsOpen).toBe(0)
  expect(pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('a proxy that is not there is reason proxy, for both kinds of target', async () => {
  const proxy = new URL(`http://me:s3cr%3At@127.0.0.1:${await freePort()}`)
  await using pool = new HttpPool({ proxy: { http: proxy, https: proxy } })
  for (const url of [new URL('http://mcp.test/'), new URL('https://mcp.test/')]) {
    for (const failure of [
      await failureOf(pool.relay({ url, method: 'POST' })),
      await failureOf(createHttpClient(pool).post(url)),
    ]) {
      expect(failure).toMatchObject({ reason: 'proxy', requestSent: false })
      expect(failure.message).toContain('ECONNREFUSED')
      expect(inspect(failure, { depth: 20, showHidden: true })).not.toContain('s3cr')
    }
  }
})

test.each([
  ['says nothing', 'silent' as const, 'connect_timeout'],
  ['does not speak HTTP', { bytes: 'SSH-2.0-OpenSSH\r\n' }, 'proxy'],
  ['closes', { bytes: '' }, 'proxy'],
  ['speaks before the target', { bytes: 'HTTP/1.1 200 OK\r\n\r\nhello' }, 'proxy'],
])('a proxy that %s to CONNECT is given up', async (_what, connect, reason) => {
  await using proxy = await startProxyServer({ connect })
  await using pool = new HttpPool({
    proxy: { https: proxy.url },
    timeouts: { connectMs: reason === 'connect_timeout' ? 200 : 20_000 },
  })
  const url = new URL('https://mcp.test/')
  expect(await failureOf(pool.relay({ url, method: 'POST' }))).toMatchObject({ reason, requestSent: false })
  expect(await failureOf(createHttpClient(pool).post(url))).toMatchObject({ reason, requestSent: false })
  await expect.poll(() => proxy.connectionsOpen).toBe(0)
  await expect.poll(() => pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('a target in the tunnel with a certificate that is not trusted is reason tls', async () => {
  await using server = await startEcho(signedCertificate)
  await using proxy = await startProxyServer()
  await using pool = new HttpPool({ proxy: { https: proxy.url } })
  const url = named(server.url, 'mcp.test')
  expect(await failureOf(pool.relay({ url, method: 'POST' }))).toMatchObject({
    reason: 'tls',
    requestSent: false,
  })
  expect(await failureOf(createHttpClient(pool).post(url))).toMatchObject({
    reason: 'tls',
    requestSent: false,
  })
  expect(server.requests).toEqual([])
})

test('the guard judges the target before the proxy is asked: literals, and what names are resolved to here', async () => {
  await using proxy = await startProxyServer()
  await using pool = new HttpPool({
    egress: createEgressGuard(),
    proxy: { http: proxy.url, https: proxy.url },
    lookup: (hostname, options, done) => {
      const found = [
        { address: '93.184.215.14', family: 4 },
        ...(hostname === 'inside.test' ? [{ address: '10.0.0.1', family: 4 }] : []),
      ]
      if (options.all === true) done(null, found)
      else done(null, '93.184.215.14', 4)
    },
  })
  const client = createHttpClient(pool)
  for (const target of [
    'http://10.0.0.1/',
    'https://169.254.169.254/',
    'https://inside.test/',
    'http://inside.test/',
  ]) {
    const url = new URL(target)
    expect(await failureOf(pool.relay({ url, method: 'GET' }))).toMatchObject({
      reason: 'egress_denied',
      requestSent: false,
    })
    expect(await failureOf(client.get(url))).toMatchObject({ reason: 'egress_denied', requestSent: false })
  }
  expect(proxy.connectionsAccepted).toBe(0)
  await failureOf(pool.relay({ url: new URL('https://outside.test:1/'), method: 'GET' }))
  expect(proxy.asked).toEqual(['CONNECT outside.test:1'])
})

test('a guarded name that is not known here goes to the proxy only when the proxy may judge it', async () => {
  await using server = await startEcho()
  await using proxy = await startProxyServer()
  const url = named(server.url, 'far.invalid')
  const egress = createEgressGuard()
  await using strict = new HttpPool({ egress, proxy: { http: proxy.url } })
  expect(await failureOf(strict.relay({ url, method: 'GET' }))).toMatchObject({
    reason: 'dns',
    requestSent: false,
  })
  expect(proxy.connectionsAccepted).toBe(0)
  await using trusting = new HttpPool({ egress, proxy: { http: proxy.url, resolveNames: false } })
  const response = await trusting.relay({ url, method: 'GET' })
  expect(response.status).toBe(200)
  response.body.discard()
})

test('destroying the pool cuts a connection that is on its way through a proxy', async () => {
  await using proxy = await startProxyServer({ connect: 'silent' })
  const pool = new HttpPool({ proxy: { https: proxy.url }, timeouts: { connectMs: 60_000 } })
  const failure = failureOf(pool.relay({ url: new URL('https://mcp.test/'), method: 'GET' }))
  await expect.poll(() => proxy.asked.length).toBe(1)
  expect(pool.stats()).toMatchObject({ open: 1, active: 1 })
  pool.destroy()
  expect(await failure).toMatchObject({ reason: 'closed' })
  await pool.close()
  expect(pool.stats().open).toBe(0)
  await expect.poll(() => proxy.connectionsOpen).toBe(0)
})

test('the limits, the counts and the timers hold behind a proxy', async () => {
  await using upstream = await startScriptedUpstream(['read-request'])
  await using proxy = await startProxyServer()
  await using pool = new HttpPool({
    proxy: { http: proxy.url },
    maxConnectionsPerOrigin: 1,
    timeouts: { headersMs: 300, queueMs: 20_000 },
  })
  const client: HttpClient = createHttpClient(pool)
  const url = named(new URL(upstream.url), 'mcp.test')
  const [first, second] = [failureOf(pool.relay({ url, method: 'POST' })), failureOf(client.post(url))]
  expect(pool.stats()).toMatchObject({ active: 1 })
  for (const failure of [await first, await second]) {
    expect(failure).toMatchObject({ reason: 'headers_timeout', requestSent: true })
  }
  await expect.poll(() => pool.stats()).toMatchObject({ open: 0, active: 0, queued: 0 })
})

function expectNoCredentials(value: unknown): void {
  const dump = inspect(value, { depth: 20, showHidden: true })
  for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), CREDENTIALS.slice(6)]) {
    expect(dump).not.toContain(secret)
  }
}
