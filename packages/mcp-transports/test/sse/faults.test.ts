import type { ServerResponse } from 'node:http'

import { type HttpUpstream, type HttpUpstreamHandler, startHttpUpstream, waitUntil } from '@mreg/testing'
import { expect, test } from 'vitest'

import { failureOf } from '../support/failure-of.ts'
import { answerOf, callTool, initialize, ping } from '../support/messages.ts'
import { openSse } from '../support/open-sse.ts'

const ENDPOINT = 'event: endpoint\ndata: /messages?session=1\n\n'

/** A server of the old transport, by hand. */
interface OldServer extends AsyncDisposable {
  readonly upstream: HttpUpstream
  /** The streams that were opened, in order. */
  readonly streams: readonly ServerResponse[]
  /** The requests that were posted and not answered yet, `initialize` left out. */
  readonly posted: readonly { readonly id: unknown; readonly method: string | undefined }[]
  /** Says something on the latest stream. */
  say(text: string): void
}

const event = (message: unknown, id?: string): string =>
  `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(message)}\n\n`

const answerTo = (id: unknown, value: object = {}): object => ({ jsonrpc: '2.0', id, result: value })

const startOldServer = async (
  options: { readonly begins?: (count: number) => string; readonly onPost?: HttpUpstreamHandler } = {},
): Promise<OldServer> => {
  const { begins = () => ENDPOINT, onPost } = options
  const streams: ServerResponse[] = []
  const posted: { id: unknown; method: string | undefined }[] = []
  const upstream = await startHttpUpstream((request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(begins(streams.push(response)))
      return
    }
    const { rpcId: id, rpcMethod: method } = request
    if (method === 'initialize') streams.at(-1)?.write(event(answerTo(id, { protocolVersion: '2024-11-05' })))
    else if (onPost !== undefined) return onPost(request, response)
    else if (id !== undefined) posted.push({ id, method })
    response.writeHead(202).end('Accepted')
  })
  return {
    upstream,
    streams,
    posted,
    say: (text) => void streams.at(-1)?.write(text),
    [Symbol.asyncDispose]: () => upstream.stop(),
  }
}

test('messages go to the endpoint that the server names, with the credentials of their request', async () => {
  await using server = await startOldServer()
  await using open = openSse(server.upstream.url)
  const headers = [['authorization', 'Bearer one']] as const
  await open.transport.send({ message: initialize, headers })
  expect(
    server.upstream.requests.map(({ method, headers: { authorization } }) => [method, authorization]),
  ).toEqual([
    ['GET', 'Bearer one'],
    ['POST', 'Bearer one'],
  ])
})

test.each([
  ['is on another origin', 'event: endpoint\ndata: http://elsewhere.example/messages\n\n'],
  ['holds credentials', 'event: endpoint\ndata: http://user:secret@127.0.0.1/messages\n\n'],
  ['is no address', 'event: endpoint\ndata: http://[\n\n'],
])('S28: an endpoint that %s is not used', async (_what, begins) => {
  await using server = await startOldServer({ begins: () => begins })
  await using open = openSse(server.upstream.url)
  const failure = await failureOf(open.transport.send({ message: initialize }))
  expect(failure).toMatchObject({ reason: 'invalid_response' })
  expect(failure.message).not.toContain('secret')
  expect(server.upstream.requests).toHaveLength(1)
  await waitUntil('the stream to close', () => server.upstream.disconnects === 1)
})

test('a stream on which no endpoint is named in time is given up', async () => {
  await using server = await startOldServer({ begins: () => ': nothing\n\n' })
  await using open = openSse(server.upstream.url, { openTimeoutMs: 1_000 })
  const failure = await failureOf(open.transport.send({ message: initialize }))
  expect(failure).toMatchObject({ reason: 'headers_timeout', requestSent: false })
  await waitUntil('the stream to close', () => server.upstream.disconnects === 1)
})

test('a caller that gives up while the session is opened leaves nothing open', async () => {
  await using server = await startOldServer({ begins: () => ': nothing\n\n' })
  await using open = openSse(server.upstream.url)
  const given = new AbortController()
  const opening = failureOf(open.transport.send({ message: initialize, signal: given.signal }))
  await waitUntil('the stream', () => server.streams.length === 1)
  given.abort()
  expect(await opening).toMatchObject({ reason: 'aborted' })
  await waitUntil('the stream to close', () => server.upstream.disconnects === 1)
})

test.each([401, 404, 405, 503])('a stream that is refused with %i is a refusal', async (status) => {
  await using upstream = await startHttpUpstream(
    (_request, response) => void response.writeHead(status).end('no'),
  )
  await using open = openSse(upstream.url)
  expect(await open.transport.send({ message: initialize })).toMatchObject({ kind: 'refused', status })
})

test('what answers in another type is no event stream', async () => {
  await using upstream = await startHttpUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')
  })
  await using open = openSse(upstream.url)
  expect(await failureOf(open.transport.send({ message: initialize }))).toMatchObject({
    reason: 'bad_content_type',
  })
})

test('a message that the server refuses is a refusal, and a session that it forgot is forgotten', async () => {
  await using server = await startOldServer({
    onPost: ({ rpcMethod }, response) => {
      response.writeHead(rpcMethod === 'ping' ? 400 : 404).end('no such session')
    },
  })
  await using open = openSse(server.upstream.url)
  const sessionId = (await open.transport.send({ message: initialize })).sessionId!
  expect(await open.transport.send({ message: ping, sessionId })).toMatchObject({
    kind: 'refused',
    status: 400,
  })
  const call = callTool(3, 'pay', {})
  expect(await open.transport.send({ message: call, sessionId })).toMatchObject({
    kind: 'refused',
    status: 404,
  })
  await waitUntil('the stream to close', () => server.upstream.disconnects === 1)
  const calls = server.upstream.requests.filter(({ rpcMethod }) => rpcMethod === 'tools/call')
  expect(calls).toHaveLength(1)
})

test('a stream with ids is opened again after the last, and the call under way is answered there, sent once', async () => {
  await using server = await startOldServer({
    begins: (count) => `retry: 5\nid: e${count}\n${ENDPOINT}`,
  })
  await using open = openSse(server.upstream.url)
  const sessionId = (await open.transport.send({ message: initialize })).sessionId!
  const answering = open.transport.send({ message: callTool(3, 'pay', {}), sessionId })
  await waitUntil('the call', () => server.posted.length === 1)
  server.streams[0]?.destroy()
  await waitUntil('the second stream', () => server.streams.length === 2)
  server.say(event(answerTo(server.posted[0]?.id, { content: [] })))
  expect(await answerOf(await answering)).toEqual(answerTo(3, { content: [] }))
  const gets = server.upstream.requests.filter(({ method }) => method === 'GET')
  expect(gets.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'e1'])
  expect(server.posted).toHaveLength(1)
})

test.each([
  ['without ids', () => ENDPOINT, 1],
  [
    'that another session is opened on',
    (n: number) => `retry: 5\nid: e${n}\nevent: endpoint\ndata: /m?s=${n}\n\n`,
    2,
  ],
] as const)(
  'a broken stream %s fails the call under way, which is not sent again',
  async (_what, begins, streams) => {
    await using server = await startOldServer({ begins })
    await using open = openSse(server.upstream.url)
    const sessionId = (await open.transport.send({ message: initialize })).sessionId!
    const failing = failureOf(open.transport.send({ message: callTool(3, 'pay', {}), sessionId }))
    await waitUntil('the call', () => server.posted.length === 1)
    server.streams[0]?.destroy()
    expect(await failing).toMatchObject({ reason: 'truncated', requestSent: true })
    expect(server.streams).toHaveLength(streams)
    expect(server.posted).toHaveLength(1)
    expect(await open.transport.send({ message: ping, sessionId })).toMatchObject({
      kind: 'refused',
      status: 404,
    })
  },
)

test('a stream that breaks again and again is left', async () => {
  await using server = await startOldServer({
    begins: (count) => (count === 1 ? `retry: 1\nid: e1\n${ENDPOINT}` : ': again\n\n'),
  })
  await using open = openSse(server.upstream.url)
  const sessionId = (await open.transport.send({ message: initialize })).sessionId!
  const failing = failureOf(open.transport.send({ message: ping, sessionId }))
  const breaking = setInterval(() => server.streams.at(-1)?.destroy(), 5)
  expect(await failing).toMatchObject({ requestSent: true })
  clearInterval(breaking)
  expect(server.streams.length).toBeLessThanOrEqual(5)
})

test('an event over the bound ends the session', async () => {
  await using server = await startOldServer()
  await using open = openSse(server.upstream.url, { maxMessageBytes: 2_000 })
  const sessionId = (await open.transport.send({ message: initialize })).sessionId!
  const failing = failureOf(open.transport.send({ message: callTool(3, 'pay', {}), sessionId }))
  await waitUntil('the call', () => server.posted.length === 1)
  server.say(`data: ${'x'.repeat(3_000)}\n\n`)
  expect(await failing).toMatchObject({ reason: 'too_large' })
})

test('what is no message, and what answers nothing, is passed over', async () => {
  await using server = await startOldServer()
  await using open = openSse(server.upstream.url)
  const sessionId = (await open.transport.send({ message: initialize })).sessionId!
  const answering = open.transport.send({ message: callTool(3, 'pay', {}), sessionId })
  await waitUntil('the call', () => server.posted.length === 1)
  server.say('data: no json\n\n')
  server.say(event(answerTo(12_345)))
  server.say('event: other\ndata: {}\n\n')
  server.say(event(answerTo(server.posted[0]?.id)))
  expect(await answerOf(await answering)).toEqual(answerTo(3))
})

test('a session that is ended, and a transport that is disposed of, fail what is under way', async () => {
  await using server = await startOldServer()
  await using open = openSse(server.upstream.url)
  const opened = async (): Promise<string> => (await open.transport.send({ message: initialize })).sessionId!
  const [one, other] = [await opened(), await opened()]
  const calls = [one, other].map((sessionId) =>
    failureOf(open.transport.send({ message: callTool(3, 'pay', {}), sessionId })),
  )
  await waitUntil('the calls', () => server.posted.length === 2)
  await open.transport.endSession({ sessionId: one })
  expect(await calls[0]).toMatchObject({ reason: 'aborted' })
  await open.transport[Symbol.asyncDispose]()
  expect(await calls[1]).toMatchObject({ reason: 'closed' })
  expect(await failureOf(open.transport.send({ message: initialize }))).toMatchObject({ reason: 'closed' })
  await waitUntil('the streams to close', () => server.upstream.disconnects === 2)
})

test.each(['maxMessageBytes', 'openTimeoutMs', 'idleSessionMs', 'maxSessions'])(
  '%s must be a positive integer',
  (name) => {
    expect(() => openSse('http://127.0.0.1:1/sse', { [name]: 0 })).toThrow(RangeError)
  },
)
