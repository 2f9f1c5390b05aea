import { answerJson, startFixtureServer, startHttpUpstream } from '@mreg/testing'
import { expect, test } from 'vitest'

import { readResponse, UpstreamError } from '../src/index.ts'
import { callOf, failureOf, listen, requestOf } from './support/messages.ts'
import { openUpstream } from './support/open-upstream.ts'

const list = requestOf('tools/list')
const CREDENTIALS = [
  ['Authorization', 'Bearer canary-secret'],
  ['X-Api-Key', 'canary-key'],
] as const

/** Everything that an error shows of itself and of its causes. */
const everythingOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const { message, name, stack, cause, ...fields } = error
  return [name, message, stack, JSON.stringify(fields), cause === undefined ? '' : everythingOf(cause)].join(
    '\n',
  )
}

test.each([401, 403])('HTTP %i becomes needs_login; its challenge goes no further', async (status) => {
  await using upstream = await startHttpUpstream((_request, response) =>
    answerJson(
      response,
      { error: 'canary: who are you' },
      { status, headers: { 'www-authenticate': 'Bearer resource_metadata="http://canary.example"' } },
    ),
  )
  await using open = openUpstream(upstream.url)
  for (const work of [
    () => open.endpoint.send(list),
    () => open.endpoint.listen(listen),
    () => open.endpoint.sendProbe(list),
  ]) {
    const failure = await failureOf(work())
    expect(failure).toMatchObject({ reason: 'needs_login', status, code: 'ERR_UPSTREAM' })
    expect(everythingOf(failure)).not.toContain('canary')
  }
})

test('HTTP 429 becomes rate_limited, with the hint of the server', async () => {
  await using upstream = await startHttpUpstream((_request, response) =>
    response.writeHead(429, { 'retry-after': '7' }).end(),
  )
  await using open = openUpstream(upstream.url)
  expect(await failureOf(open.endpoint.send(list))).toMatchObject({
    reason: 'rate_limited',
    status: 429,
    retryAfterMs: 7000,
  })
})

test('HTTP 503 keeps the hint of the server', async () => {
  await using upstream = await startHttpUpstream((_request, response) =>
    response.writeHead(503, { 'retry-after': '2' }).end(),
  )
  await using open = openUpstream(upstream.url)
  expect(await failureOf(open.endpoint.send(list))).toMatchObject({
    reason: 'upstream_status',
    status: 503,
    retryAfterMs: 2000,
  })
})

test.each([301, 302, 303, 307, 308])('a redirect (%i) is not followed', async (status) => {
  await using elsewhere = await startHttpUpstream((_request, response) => response.end())
  await using upstream = await startHttpUpstream((_request, response) =>
    response.writeHead(status, { location: elsewhere.url }).end(),
  )
  await using open = openUpstream(upstream.url, { credentials: { headersFor: () => CREDENTIALS } })
  const failure = await failureOf(open.endpoint.send(list))
  expect(failure).toMatchObject({ reason: 'redirect', status })
  expect(failure.message).not.toContain(String(elsewhere.port))
  expect(elsewhere.requests).toEqual([])
})

test('credentials go as headers with every kind of request', async () => {
  await using server = await startFixtureServer()
  await using open = openUpstream(server.url, { credentials: { headersFor: () => CREDENTIALS } })
  await open.endpoint.send(list)
  await open.endpoint.sendProbe(list)
  await open.endpoint.listen(listen)
  await open.endpoint.endSession('nobody', '2025-11-25').catch(() => {})
  expect(server.requestHeaders).toHaveLength(4)
  for (const headers of server.requestHeaders) {
    expect(headers).toMatchObject({ authorization: 'Bearer canary-secret', 'x-api-key': 'canary-key' })
  }
})

test('credentials are asked for with each request, so that new ones count at once', async () => {
  await using server = await startFixtureServer({ stateless: true })
  let version = 0
  await using open = openUpstream(server.url, {
    credentials: { headersFor: () => [['X-Version', String((version += 1))]] },
  })
  await open.endpoint.send(list)
  await open.endpoint.send(list)
  expect(server.requestHeaders.map((headers) => headers['x-version'])).toEqual(['1', '2'])
})

test('credentials cannot take the place of headers of the protocol', async () => {
  await using server = await startFixtureServer({ stateless: true })
  await using open = openUpstream(server.url, {
    credentials: {
      headersFor: () => [
        ['MCP-Protocol-Version', '1999-01-01'],
        ['Content-Type', 'text/plain'],
        ['Accept', 'text/plain'],
        ['Host', 'canary.example'],
      ],
    },
  })
  const reply = await open.endpoint.send(callOf('echo', { message: 'hi' }))
  expect(await readResponse(reply)).toMatchObject({ result: { content: [{ text: 'hi' }] } })
  expect(server.requestHeaders[0]?.['host']).toBe(`127.0.0.1:${server.port}`)
})

test('S53: no error shows a credential, or names an address in its message', async () => {
  await using upstream = await startHttpUpstream((_request, response) => response.end())
  await using open = openUpstream(upstream.url, { credentials: { headersFor: () => CREDENTIALS } })
  const answers: ((response: Parameters<Parameters<typeof startHttpUpstream>[0]>[1]) => void)[] = [
    (response) => response.writeHead(401).end(),
    (response) => response.writeHead(500).end('canary-secret'),
    (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('canary-secret'),
    (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('"canary-secret"'),
    (response) => response.socket?.resetAndDestroy(),
  ]
  for (const answer of answers) {
    upstream.answer((_request, response) => answer(response))
    open.endpoint.breaker.reset()
    const failure = await failureOf(open.endpoint.send(list))
    expect(everythingOf(failure)).not.toContain('canary')
    expect(failure.message).not.toContain('127.0.0.1')
  }
})

test('S31: a credential that HTTP cannot carry is an error that does not show it', async () => {
  await using upstream = await startHttpUpstream((_request, response) => response.end())
  await using open = openUpstream(upstream.url, {
    credentials: { headersFor: () => [['X-Key', 'canary\r\nX-Injected: yes']] },
  })
  const failure = await failureOf(open.endpoint.send(list))
  expect(failure).toMatchObject({ reason: 'invalid_request', requestSent: false })
  expect(everythingOf(failure)).not.toContain('canary')
  expect(upstream.requests).toEqual([])
})

test('an answer over the limit is an error', async () => {
  await using upstream = await startHttpUpstream((_request, response) =>
    answerJson(response, { jsonrpc: '2.0', id: 1, result: { text: 'x'.repeat(2000) } }),
  )
  await using open = openUpstream(upstream.url, { maxMessageBytes: 1000 })
  const failure = await failureOf(open.endpoint.send(list))
  expect(failure).toMatchObject({ reason: 'too_large', excess: { limitBytes: 1000 } })
  expect(open.endpoint.breaker.stats.failures).toBe(0)
})

test('a connection that dies when it is used again is tried once more for a list, and never for a tool', async () => {
  await using upstream = await startHttpUpstream((_request, response) =>
    answerJson(response, { jsonrpc: '2.0', id: 1, result: {} }),
  )
  await using open = openUpstream(upstream.url)
  const resetsOnReuse = (): void => {
    let isFirst = true
    upstream.answer((_request, response) => {
      if (!isFirst) return answerJson(response, { jsonrpc: '2.0', id: 1, result: {} })
      isFirst = false
      response.socket?.resetAndDestroy()
    })
  }
  await open.endpoint.send(list)
  resetsOnReuse()
  expect(await readResponse(await open.endpoint.send(list))).toMatchObject({ result: {} })

  resetsOnReuse()
  const before = upstream.requests.length
  expect(await failureOf(open.endpoint.send(callOf('pay')))).toMatchObject({
    reason: 'reset',
    requestSent: true,
  })
  expect(upstream.requests.length - before).toBe(1)
})

test('an upstream error is recognised, whichever copy of the package made it', () => {
  expect(UpstreamError.is(Object.assign(new Error('x'), { code: 'ERR_UPSTREAM' }))).toBe(true)
  expect(UpstreamError.is(new Error('x'))).toBe(false)
  expect(UpstreamError.is({ code: 'ERR_UPSTREAM' })).toBe(false)
})
