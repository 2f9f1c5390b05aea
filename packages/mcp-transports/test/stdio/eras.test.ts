import { encodeRequest, META } from '@mreg/mcp-wire'
import { expect, test } from 'vitest'

import { StdioTransport } from '../../src/index.ts'
import { failureOf } from '../support/failure-of.ts'
import { answerOf, asStream, collect, parse } from '../support/messages.ts'
import { startedStdio, StdioCaller, stdioTransport, textIn } from '../support/open-stdio.ts'

const modern = (id: string | number, method: string, params: object, meta: object = {}): Uint8Array =>
  encodeRequest({
    id,
    method,
    params: {
      ...params,
      _meta: { [META.protocolVersion]: '2026-07-28', [META.clientCapabilities]: {}, ...meta },
    },
  })

test.each([
  ['an error', { era: 'legacy' }, 'legacy'],
  ['silence', { era: 'legacy', ignoreDiscover: true }, 'legacy'],
  ['a discovery', { era: 'modern' }, 'modern'],
  ['a discovery, though it could be older', { era: 'dual' }, 'modern'],
  ['a late error', { era: 'legacy', startDelayMs: 3_500 }, 'legacy'],
  ['a late discovery', { era: 'dual', startDelayMs: 3_500 }, 'modern'],
] as const)(
  'the era is found out from %s',
  async (_how, server, era) => {
    await using transport = stdioTransport(server, { era: undefined })
    expect(await transport.start()).toBe(era)
    await transport.ping(10_000)
  },
  60_000,
)

/** Begins to read late, and is quicker to refuse the older question than to answer the newer one. */
const REFUSES_FIRST = `
  const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n')
  setTimeout(() => {
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { id, method } = JSON.parse(line)
      if (method === 'initialize') say({ id, error: { code: -32022, message: 'Unsupported protocol version' } })
      else setTimeout(() => say({ id, result: { supportedVersions: ['2026-07-28'] } }), 300)
    })
  }, 3200)`

test('a late server that refuses the older era before it answers in the newer one is modern', async () => {
  await using transport = new StdioTransport({
    command: { command: process.execPath, args: ['-e', REFUSES_FIRST], environment: {} },
    client: { capabilities: {}, clientInfo: { name: 'test', version: '1' } },
  })
  expect(await transport.start()).toBe('modern')
}, 60_000)

test('a server that does not survive the question fails to start', async () => {
  await using transport = stdioTransport({ exitOnDiscover: true }, { era: undefined })
  expect(await failureOf(transport.start())).toMatchObject({ reason: 'start_failed' })
  await using asked = stdioTransport({ exitOnDiscover: true }, { era: 'legacy' })
  expect(await asked.start()).toBe('legacy')
})

test('a server that refuses to initialise fails to start', async () => {
  await using transport = stdioTransport({ era: 'modern' })
  expect(await failureOf(transport.start())).toMatchObject({
    reason: 'start_failed',
    message: 'the server refuses to initialise (JSON-RPC error -32602)',
  })
})

test('a server that is taken for a modern one, and is none, fails to start', async () => {
  await using transport = stdioTransport({ era: 'legacy' }, { era: 'modern' })
  expect(await failureOf(transport.start())).toMatchObject({
    reason: 'start_failed',
    message: 'the server speaks only an older version of the protocol',
  })
})

test('modern requests need no session and are kept apart', async () => {
  await using transport = await startedStdio({ era: 'modern' }, { era: 'modern' })
  const answers = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const call = modern(1, 'tools/call', {
        name: 'wait',
        arguments: { ms: 20 - index, message: `call ${index}` },
      })
      return textIn(await answerOf(await transport.send({ message: call })))
    }),
  )
  expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => `call ${index}`))
  const call = modern(
    'p',
    'tools/call',
    { name: 'progress', arguments: { steps: 2 } },
    { progressToken: 'token' },
  )
  const messages = await collect(asStream(await transport.send({ message: call })).messages)
  expect(messages).toMatchObject([
    { params: { progressToken: 'token' } },
    { params: { progressToken: 'token' } },
    { id: 'p', result: { resultType: 'complete' } },
  ])
})

test('what a modern server refuses has the status that it would have over HTTP', async () => {
  await using transport = await startedStdio({ era: 'modern' }, { era: 'modern' })
  const reply = await transport.send({ message: modern(3, 'no/such/method', {}) })
  expect(reply).toMatchObject({ kind: 'refused', status: 404 })
  expect(parse(reply.kind === 'refused' ? reply.body : new Uint8Array())).toMatchObject({
    id: 3,
    error: { code: -32_601 },
  })
  expect(await transport.listen({})).toMatchObject({ kind: 'refused', status: 405 })
})

test('a client that asks for an older version than the server speaks gets that one', async () => {
  await using transport = await startedStdio()
  for (const version of ['2024-11-05', '2025-11-25']) await StdioCaller.open(transport, {}, version)
  expect(transport.activity.sessions).toBe(2)
})
