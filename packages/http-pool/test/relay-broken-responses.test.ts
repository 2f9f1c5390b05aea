import { brotliCompressSync, gzipSync } from 'node:zlib'

import { freePort, httpResponse, startScriptedUpstream, type ScriptStep } from '@mreg/testing'
import { expect, test } from 'vitest'

import { HttpPool } from '../src/index.ts'
import { failureOf } from './support/failure-of.ts'
import { startHttpServer } from './support/http-server.ts'

const body = Buffer.from('{}')
const ok = { send: httpResponse(200, {}, 'ok') }

test('F1: a refused connection is unreachable, with certainty that nothing was sent', async () => {
  await using pool = new HttpPool()
  const url = new URL(`http://127.0.0.1:${await freePort()}/path?key=s3cret`)
  const failure = await failureOf(pool.relay({ url, method: 'POST', body }))
  expect(failure).toMatchObject({ reason: 'unreachable', requestSent: false, origin: url.origin })
  expect(failure.message).toContain('ECONNREFUSED')
  expect(failure.message).not.toContain('s3cret')
  await expect.poll(() => pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('F3: a name that cannot be resolved fails as dns', async () => {
  const notFound = Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' })
  await using pool = new HttpPool({ lookup: (_name, _options, done) => done(notFound, '') })
  const failure = await failureOf(pool.relay({ url: new URL('http://gone.test/'), method: 'POST', body }))
  expect(failure).toMatchObject({ reason: 'dns', requestSent: false })
  await using throwing = new HttpPool({
    lookup: () => {
      throw new TypeError('broken')
    },
  })
  const thrown = await failureOf(throwing.relay({ url: new URL('http://gone.test/'), method: 'GET' }))
  expect(thrown).toMatchObject({ reason: 'dns', requestSent: false })
  await using system = new HttpPool()
  const invalid = await failureOf(
    system.relay({ url: new URL('http://no-such-host.invalid/'), method: 'GET' }),
  )
  expect(invalid).toMatchObject({ reason: 'dns', requestSent: false })
})

test.each<[string, ScriptStep[]]>([
  ['closes the connection', ['end']],
  ['resets the connection', ['reset']],
  ['closes within the head', [{ send: 'HTTP/1.1 200 OK\r\nContent-' }, 'end']],
])(
  'a server that takes the request and %s before the head is complete is a reset, with the request sent',
  async (_how, steps) => {
    await using upstream = await startScriptedUpstream(['read-request', ...steps])
    await using pool = new HttpPool()
    const failure = await failureOf(pool.relay({ url: new URL(upstream.url), method: 'POST', body }))
    expect(failure).toMatchObject({ reason: 'reset', requestSent: true })
    await expect.poll(() => pool.stats()).toMatchObject({ open: 0, active: 0 })
  },
)

test('a peer that does not speak HTTP is an invalid response', async () => {
  await using upstream = await startScriptedUpstream(['read-request', { send: '220 mail.example ESMTP\r\n' }])
  await using pool = new HttpPool()
  const failure = await failureOf(pool.relay({ url: new URL(upstream.url), method: 'POST', body }))
  expect(failure).toMatchObject({ reason: 'invalid_response', requestSent: true })
  expect(failure.message).not.toContain('mail.example')
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

test('a head over the limit is too large', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(5_000)}\r\n\r\n` },
  ])
  await using pool = new HttpPool({ maxHeaderBytes: 2_000 })
  const failure = await failureOf(pool.relay({ url: new URL(upstream.url), method: 'POST', body }))
  expect(failure).toMatchObject({ reason: 'too_large', requestSent: true })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

test.each<[string, ScriptStep[]]>([
  [
    'F8: a body shorter than its length',
    [{ send: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf' }, 'end'],
  ],
  [
    'F8: a chunked body without its last chunk',
    [{ send: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n' }, 'end'],
  ],
  [
    'F8: a bad chunk',
    [{ send: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nnonsense\r\n' }],
  ],
  [
    'F9: a reset in the middle of the body',
    [
      { send: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n' },
      { sleepMs: 50 },
      'reset',
    ],
  ],
])('%s is truncated: what came is given, the connection is not used again', async (_how, steps) => {
  await using upstream = await startScriptedUpstream((connection) =>
    connection === 1 ? ['read-request', ...steps] : ['read-request', ok],
  )
  await using pool = new HttpPool()
  const url = new URL(upstream.url)
  const response = await pool.relay({ url, method: 'POST', body })
  const chunks: string[] = []
  const reading = (async () => {
    for await (const chunk of response.body) chunks.push(Buffer.from(chunk).toString())
  })()
  const failure = await failureOf(reading)
  expect(failure).toMatchObject({ reason: 'truncated', requestSent: true })
  expect(chunks).toEqual(['half'])
  await expect.poll(() => pool.stats()).toMatchObject({ open: 0, active: 0 })

  const next = await pool.relay({ url, method: 'POST', body })
  expect(next.reusedSocket).toBe(false)
  expect((await next.body.bytes()).toString()).toBe('ok')
})

test('a truncated body taken whole rejects', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf' },
    'end',
  ])
  await using pool = new HttpPool()
  const response = await pool.relay({ url: new URL(upstream.url), method: 'POST', body })
  expect(await failureOf(response.body.bytes())).toMatchObject({ reason: 'truncated' })
})

test('a body without a length ends with its connection', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 200 OK\r\n\r\nall of it' },
    'end',
  ])
  await using pool = new HttpPool()
  const response = await pool.relay({ url: new URL(upstream.url), method: 'POST', body })
  expect((await response.body.bytes()).toString()).toBe('all of it')
  await expect.poll(() => pool.stats().open).toBe(0)
})

test('F12: a length over the limit is refused at the head', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n' },
  ])
  await using pool = new HttpPool({ maxResponseBytes: 1_000 })
  const failure = await failureOf(pool.relay({ url: new URL(upstream.url), method: 'POST', body }))
  expect(failure).toMatchObject({ reason: 'too_large', requestSent: true })
  expect(failure.message).toContain('1000 bytes')
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
  expect(pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('F12: 1 GB that does not announce itself is cut off at the limit, without memory for it', async () => {
  await using server = await startHttpServer((_request, response) => {
    const block = Buffer.alloc(1_048_576)
    let left = 1_024
    const more = (): void => {
      while (left > 0 && !response.destroyed) {
        left -= 1
        if (!response.write(block)) return void response.once('drain', more)
      }
      response.end()
    }
    more()
  })
  await using pool = new HttpPool({ maxResponseBytes: 4_000_000 })
  const before = process.memoryUsage()
  const response = await pool.relay({ url: server.url, method: 'POST', body })
  expect(await failureOf(response.body.bytes())).toMatchObject({ reason: 'too_large' })
  const after = process.memoryUsage()
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(40_000_000)
  await expect.poll(() => server.connectionsOpen).toBe(0)
  expect(pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('the limit is exact: a body of that size passes, one byte more does not', async () => {
  await using server = await startHttpServer((request, response) => {
    response.write('x'.repeat(999))
    response.end(request.headers['x-more'] === undefined ? 'x' : 'xx')
  })
  await using pool = new HttpPool()
  const atLimit = await pool.relay({ url: server.url, method: 'GET', maxResponseBytes: 1_000 })
  expect((await atLimit.body.bytes()).byteLength).toBe(1_000)
  const over = await pool.relay({
    url: server.url,
    method: 'GET',
    maxResponseBytes: 1_000,
    headers: [['x-more', '1']],
  })
  expect(await failureOf(over.body.bytes())).toMatchObject({ reason: 'too_large' })
  const lower = await pool.relay({ url: server.url, method: 'GET' })
  expect(await failureOf(lower.body.bytes(999))).toMatchObject({
    reason: 'too_large',
    excess: { limitBytes: 999 },
  })
})

test.each([
  ['gzip', gzipSync(Buffer.alloc(50_000_000))],
  ['br', brotliCompressSync(Buffer.alloc(50_000_000))],
])('F13: a bomb of %s is passed on as the bytes it is (S43)', async (encoding, bomb) => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: httpResponse(200, { 'content-encoding': encoding }, bomb) },
  ])
  await using pool = new HttpPool({ maxResponseBytes: 100_000 })
  const response = await pool.relay({ url: new URL(upstream.url), method: 'POST', body })
  expect(response.headers.get('content-encoding')).toBe(encoding)
  expect((await response.body.bytes()).equals(bomb)).toBe(true)
  expect(upstream.requests[0]?.toString()).toContain('Accept-Encoding: identity\r\n')
})

test('F19: a request that meets a dead kept connection is not sent twice on its own', async () => {
  await using upstream = await startScriptedUpstream(['read-request', ok, 'read-request', 'reset'])
  await using pool = new HttpPool()
  const url = new URL(upstream.url)
  await (await pool.relay({ url, method: 'POST', body })).body.bytes()
  const failure = await failureOf(pool.relay({ url, method: 'POST', body }))
  expect(failure).toMatchObject({ reason: 'reset', requestSent: true })
  expect(upstream.requests.length).toBe(2)
})

test('F19: a retryable request that meets a dead kept connection is sent once more, on a new one', async () => {
  await using upstream = await startScriptedUpstream(['read-request', ok, 'read-request', 'reset'])
  await using pool = new HttpPool()
  const url = new URL(upstream.url)
  await (await pool.relay({ url, method: 'POST', body })).body.bytes()
  const response = await pool.relay({ url, method: 'POST', body, retryable: true })
  expect((await response.body.bytes()).toString()).toBe('ok')
  expect(response.reusedSocket).toBe(false)
  expect(upstream.requests.length).toBe(3)
  expect(upstream.connectionsAccepted).toBe(2)
})

test('F19: a retryable request is not sent again when the second connection fails too, or when the first was new', async () => {
  await using upstream = await startScriptedUpstream((connection) =>
    connection === 1 ? ['read-request', ok, 'read-request', 'reset'] : ['read-request', 'reset'],
  )
  await using pool = new HttpPool()
  const url = new URL(upstream.url)
  await (await pool.relay({ url, method: 'POST', body })).body.bytes()
  const twice = await failureOf(pool.relay({ url, method: 'POST', body, retryable: true }))
  expect(twice).toMatchObject({ reason: 'reset', requestSent: true })
  expect(upstream.requests.length).toBe(3)
  const fresh = await failureOf(pool.relay({ url, method: 'POST', body, retryable: true }))
  expect(fresh).toMatchObject({ reason: 'reset', requestSent: true })
  expect(upstream.requests.length).toBe(4)
  await expect.poll(() => pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('F19: one dead kept connection closes its idle siblings, so that the next request does not meet them', async () => {
  const answered = Promise.withResolvers<void>()
  await using upstream = await startScriptedUpstream((connection) =>
    connection <= 3
      ? ['read-request', { until: answered.promise }, ok, 'read-request', 'reset']
      : ['read-request', ok],
  )
  await using pool = new HttpPool()
  const url = new URL(upstream.url)
  const together = [1, 2, 3].map(async () => (await pool.relay({ url, method: 'POST', body })).body.bytes())
  await expect.poll(() => upstream.requests.length).toBe(3)
  answered.resolve()
  await Promise.all(together)
  expect(pool.stats()).toMatchObject({ open: 3, idle: 3 })
  expect(await failureOf(pool.relay({ url, method: 'POST', body }))).toMatchObject({ reason: 'reset' })
  const next = await pool.relay({ url, method: 'POST', body })
  expect((await next.body.bytes()).toString()).toBe('ok')
  await expect.poll(() => upstream.connectionsOpen).toBe(1)
})

test('F19: a kept connection that the server closed in time is not used again', async () => {
  await using upstream = await startScriptedUpstream(['read-request', ok, 'end'])
  await using pool = new HttpPool()
  const url = new URL(upstream.url)
  await (await pool.relay({ url, method: 'POST', body })).body.bytes()
  await expect.poll(() => pool.stats().open).toBe(0)
  const next = await pool.relay({ url, method: 'POST', body })
  expect((await next.body.bytes()).toString()).toBe('ok')
  expect(upstream.requests.length).toBe(2)
})

test('F20: bytes that nobody asked for close an idle connection; no later request gets them', async () => {
  const poison = httpResponse(200, {}, 'poison')
  await using upstream = await startScriptedUpstream((connection) =>
    connection === 1 ? ['read-request', ok, { sleepMs: 50 }, { send: poison }] : ['read-request', ok],
  )
  await using pool = new HttpPool()
  const url = new URL(upstream.url)
  await (await pool.relay({ url, method: 'POST', body })).body.bytes()
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
  expect(pool.stats()).toMatchObject({ open: 0, idle: 0 })
  const next = await pool.relay({ url, method: 'POST', body })
  expect((await next.body.bytes()).toString()).toBe('ok')
})

test('F20: a second response in the same breath as the first reaches nobody', async () => {
  await using upstream = await startScriptedUpstream((connection) =>
    connection === 1
      ? [
          'read-request',
          { send: Buffer.concat([httpResponse(200, {}, 'ok'), httpResponse(200, {}, 'poison')]) },
        ]
      : ['read-request', ok],
  )
  await using pool = new HttpPool()
  const url = new URL(upstream.url)
  const first = await pool.relay({ url, method: 'POST', body })
  expect((await first.body.bytes()).toString()).toBe('ok')
  const second = await pool.relay({ url, method: 'POST', body })
  expect((await second.body.bytes()).toString()).toBe('ok')
  expect(upstream.connectionsAccepted).toBe(2)
})

test('an answer before the request is sent is given, and the half-sent connection is closed', async () => {
  await using upstream = await startScriptedUpstream([
    { sleepMs: 100 },
    { send: httpResponse(413, {}, 'too much') },
  ])
  await using pool = new HttpPool()
  const sent = pool.relay({ url: new URL(upstream.url), method: 'POST', body: Buffer.alloc(64_000_000) })
  const response = await sent
  expect(response.status).toBe(413)
  expect((await response.body.bytes()).toString()).toBe('too much')
  await expect.poll(() => pool.stats()).toMatchObject({ open: 0, active: 0 })
})
