import { answerJson, type HttpUpstream, startHttpUpstream, waitUntil } from '@mreg/testing'
import { isJsonObject, parseJsonObject } from '@mreg/upstream'
import { expect, test } from 'vitest'

import { callOf, initialize, type SeenAnswer } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { type OpenProxy, openProxy, registered } from './support/open-proxy.ts'

const CALLS = 20
const PATIENT_MS = 50_000
const TIMEOUTS = { requestMs: PATIENT_MS, toolCallMs: PATIENT_MS }
const LEGACY = { legacy: true, modern: false }

/** A server that forgets a session while calls of it are under way. */
interface ForgetfulServer extends AsyncDisposable {
  readonly upstream: HttpUpstream
  /** The sessions that it has opened, in order. */
  readonly opened: readonly string[]
  /** Every call that came in: in which session, and which. */
  readonly calls: readonly { readonly session: string; readonly nonce: string }[]
  /** The nonces of the calls that it has executed. */
  readonly executions: readonly string[]
  /** Forgets a session: of the calls that wait, it refuses those that `isRefused` names, and executes the others. */
  forget(session: string, isRefused: (nonce: string) => boolean): void
}

const startForgetfulServer = async (): Promise<ForgetfulServer> => {
  const opened: string[] = []
  const calls: { session: string; nonce: string }[] = []
  const executions: string[] = []
  const forgotten = new Set<string>()
  const waiting: { session: string; nonce: string; execute: () => void; refuse: () => void }[] = []
  let isHolding = true

  const upstream = await startHttpUpstream(({ body, headers, method, rpcId: id, rpcMethod }, reply) => {
    if (method !== 'POST') return void reply.writeHead(405).end()
    if (rpcMethod === 'initialize') {
      const session = `session-${opened.length + 1}`
      opened.push(session)
      const serverInfo = { name: 'forgetful', version: '1' }
      const result = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo }
      return answerJson(reply, { jsonrpc: '2.0', id, result }, { headers: { 'mcp-session-id': session } })
    }
    const session = String(headers['mcp-session-id'])
    const refuse = (): void => {
      const error = { code: -32_001, message: 'Session not found' }
      answerJson(reply, { jsonrpc: '2.0', id: null, error }, { status: 404 })
    }
    if (forgotten.has(session)) return refuse()
    if (id === undefined) return void reply.writeHead(202).end()
    const nonce = nonceIn(body)
    calls.push({ session, nonce })
    const execute = (): void => {
      executions.push(nonce)
      answerJson(reply, { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: nonce }] } })
    }
    if (isHolding) waiting.push({ session, nonce, execute, refuse })
    else execute()
    return undefined
  })
  return {
    upstream,
    opened,
    calls,
    executions,
    forget: (session, isRefused) => {
      isHolding = false
      forgotten.add(session)
      for (const call of waiting.splice(0))
        if (call.session === session && isRefused(call.nonce)) call.refuse()
        else call.execute()
    },
    [Symbol.asyncDispose]: () => upstream.stop(),
  }
}

const nonceIn = (body: string): string => {
  const params = parseJsonObject(Buffer.from(body))?.['params']
  const given = isJsonObject(params) ? params['arguments'] : undefined
  return isJsonObject(given) ? String(given['nonce']) : ''
}

/** Twenty callers and one who is not concerned. */
type Clients = (open: OpenProxy) => Promise<{
  readonly call: (nonce: string) => Promise<SeenAnswer>
  readonly other: (nonce: string) => Promise<SeenAnswer>
}>

const olderClients: Clients = async ({ proxy }) => {
  const { ask } = await initialize(proxy)
  const { ask: askOther } = await initialize(proxy)
  return {
    call: (nonce) => ask(callOf('pay', { nonce }, { id: nonce })),
    other: (nonce) => askOther(callOf('pay', { nonce })),
  }
}

const newerClients: Clients = async (open) => {
  const call = (nonce: string, capabilities: object = {}): Promise<SeenAnswer> =>
    sendModern(open, 'tools/call', { name: 'pay', arguments: { nonce } }, { id: nonce, capabilities })
  // The one session with the server is for the principal and its capabilities: the other client is able to do something else.
  const prepared = await Promise.all([
    sendModern(open, 'server/discover'),
    sendModern(open, 'server/discover', {}, { capabilities: { sampling: {} } }),
  ])
  for (const { last } of prepared) expect(last).toHaveProperty('result')
  return { call: (nonce) => call(nonce), other: (nonce) => call(nonce, { sampling: {} }) }
}

test.each([
  ['of a client of the older era', olderClients],
  ['of clients of the newer era, who share it', newerClients],
])('F21: a session %s that is forgotten under its calls is opened again once', async (_whose, clients) => {
  await using server = await startForgetfulServer()
  await using open = openProxy({ era: LEGACY, timeouts: TIMEOUTS, connectTimeoutMs: PATIENT_MS })
  open.register(registered(server.upstream.url))
  const { call, other } = await clients(open)
  const nonces = Array.from({ length: CALLS }, (_, index) => `call-${index}`)
  const answers = Promise.all(nonces.map(call))
  const otherAnswer = other('other')
  await waitUntil('all calls', () => server.calls.length === CALLS + 1, { timeoutMs: PATIENT_MS })

  const [lost = ''] = server.calls.filter(({ nonce }) => nonce === 'call-0').map(({ session }) => session)
  const before = server.opened.length
  const refused = nonces.filter((_, index) => index % 2 === 1)
  server.forget(lost, (nonce) => refused.includes(nonce))

  for (const [index, { last }] of (await answers).entries())
    expect(last).toMatchObject({ id: nonces[index], result: { content: [{ text: nonces[index] }] } })
  expect((await otherAnswer).last).toMatchObject({ result: { content: [{ text: 'other' }] } })

  expect(server.opened).toHaveLength(before + 1)
  expect(server.executions.toSorted()).toEqual([...nonces, 'other'].toSorted())
  // Sent again is what was refused, in the new session, and nothing else.
  const again = server.calls.slice(CALLS + 1)
  expect(again.map(({ nonce }) => nonce).toSorted()).toEqual(refused.toSorted())
  for (const { session } of again) expect(session).toBe(server.opened.at(-1))
})
