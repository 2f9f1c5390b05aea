import { randomUUID } from 'node:crypto'
import { once } from 'node:events'

import { waitUntil } from '@mreg/testing'
import { type JsonObject, parseJsonObject } from '@mreg/upstream'
import { describe, expect, test } from 'vitest'

import type { Exchange, ServerProxy } from '../src/index.ts'
import { type FaultServer, startFaultServer } from './faults/fault-server.ts'
import { CELLS, executionsOf, type FaultEvent, type Outcome } from './faults/table.ts'
import { errorOf, initialize, messagesOf, PROTOCOL_VERSION } from './support/exchanges.ts'
import { openMerged } from './support/open-merged.ts'
import { type OpenProxy, openProxy, type ProxyOptions, registered } from './support/open-proxy.ts'
import { serveProxy } from './support/serve-proxy.ts'

type Era = 'legacy' | 'modern'

const WAYS: readonly (readonly [client: Era, path: string, server: Era])[] = [
  ['legacy', '/mcp/{slug}', 'legacy'],
  ['modern', '/mcp/{slug}', 'modern'],
  ['legacy', '/mcp/{slug}', 'modern'],
  ['modern', '/mcp/{slug}', 'legacy'],
  // Through both bridges, and through none.
  ['legacy', '/mcp', 'legacy'],
  ['modern', '/mcp', 'modern'],
]

/** Every call of every client goes under the same id: only the nonce in it tells whose an answer is. */
const ID = 'same'
/** Long enough for the slowest machine, as it only ends what would hang, in milliseconds. */
const PATIENT_MS = 60_000
/** What stalls is given up after that, in milliseconds. Nothing else is timed. */
const STALL_MS = 300

const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

interface Named {
  readonly method: string
  readonly name: string
}

const headersOf = (era: Era, { method, name }: Named, token: string | undefined): Record<string, string> => ({
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  ...(era === 'legacy'
    ? { 'mcp-protocol-version': PROTOCOL_VERSION, 'mcp-session-id': token ?? '' }
    : { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, 'mcp-name': name }),
})

const bodyOf = (era: Era, { method, name }: Named, nonce: string): string =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: ID,
    method,
    params: {
      name,
      arguments: { nonce },
      _meta: { progressToken: 'progress', ...(era === 'modern' ? MODERN_META : {}) },
    },
  })

/** All messages of an answer; none when the client went before it had them. */
const messagesFrom = async (sent: Promise<Response>, signal: AbortSignal): Promise<JsonObject[]> => {
  try {
    const response = await sent
    const body = new Uint8Array(await response.arrayBuffer())
    if (response.headers.get('content-type') === 'text/event-stream') return messagesOf(body)
    return [parseJsonObject(body) ?? {}]
  } catch (error) {
    if (signal.aborted) return []
    throw error
  }
}

/** How many results and errors a client may see. One that has gone may have had its answer. */
const countsOf = (outcome: Outcome, event: FaultEvent): readonly object[] => {
  const none = { results: 0, errors: 0 }
  if (outcome === 'nothing') return [none]
  const one = outcome === 'result' ? { results: 1, errors: 0 } : { results: 0, errors: 1 }
  return event === 'client gone' ? [none, one] : [one]
}

/** What answers at that path. */
const openWay = async (
  path: string,
  options: ProxyOptions,
): Promise<
  Pick<OpenProxy, 'pool' | 'register' | typeof Symbol.asyncDispose> & {
    readonly proxy: Pick<ServerProxy, 'handle'>
  }
> => {
  if (path !== '/mcp') return openProxy(options)
  const merged = await openMerged({ firstListMs: PATIENT_MS }, options)
  return {
    proxy: merged.merged,
    pool: merged.open.pool,
    register: (...servers) => merged.register(...servers),
    [Symbol.asyncDispose]: () => merged[Symbol.asyncDispose](),
  }
}

/** Cuts all connections, again and again: one that is just being made is not among those that are cut. */
const cutAll = async (upstream: FaultServer, pool: OpenProxy['pool']): Promise<void> => {
  const isOver = (): boolean => {
    upstream.cut()
    return pool.stats().open === 0
  }
  await waitUntil('the connections to end', isOver, { timeoutMs: PATIENT_MS })
}

describe.each(WAYS)('a %s client through %s, and a %s server', (client, path, server) => {
  test.each(CELLS)('%s: %s: %s', async (phase, event, outcome) => {
    const isSlow = event === 'stall'
    await using upstream = await startFaultServer(server)
    const name = path === '/mcp' ? 'fixture__pay' : 'pay'
    const options: ProxyOptions = {
      era: { legacy: server === 'legacy', modern: server === 'modern' },
      breaker: { failureThreshold: 1000, openMs: 1000, maxOpenMs: 1000 },
      connectTimeoutMs: PATIENT_MS,
      timeouts: {
        requestMs: PATIENT_MS,
        toolCallMs: isSlow ? STALL_MS : PATIENT_MS,
      },
    }
    await using opened = await openWay(path, options)
    const { pool, proxy } = opened
    opened.register(registered(upstream.url))
    const token = client === 'legacy' ? (await initialize(proxy)).token : undefined
    let onExchange: ((exchange: Exchange) => Promise<void>) | undefined
    await using served = await serveProxy({
      handle: async (exchange) => {
        await onExchange?.(exchange)
        return proxy.handle(exchange)
      },
    })

    const sent: string[] = []
    const ask = async (method: string, nonce: string, signal: AbortSignal): Promise<JsonObject[]> => {
      sent.push(nonce)
      const init = {
        method: 'POST',
        headers: headersOf(client, { method, name }, token),
        body: bodyOf(client, { method, name }, nonce),
      }
      const messages = await messagesFrom(fetch(served.urlOf('fixture'), { ...init, signal }), signal)
      return messages.filter((message) => 'id' in message)
    }
    const cut = (): Promise<void> => cutAll(upstream, pool)
    const never = new AbortController().signal
    // Whatever the gateway has to learn of the server first, it learns here.
    expect(await ask('prompts/get', 'warm-up', never)).toMatchObject([{ result: {} }])
    expect(await ask('tools/list', 'shapes', never)).toMatchObject([{ id: ID }])

    const going = new AbortController()
    const seenBy = Promise.withResolvers<AbortSignal>()
    const answered = Promise.withResolvers<void>()
    const leave = async (): Promise<void> => {
      going.abort()
      const noticed = await seenBy.promise
      if (!noticed.aborted) await once(noticed, 'abort')
    }
    onExchange = async ({ signal }) => {
      seenBy.resolve(signal)
      if (phase === 'before connect' && event === 'client gone') await leave()
    }
    const isAway = phase === 'before connect' && event === 'reset'
    if (isAway) await upstream.stop()
    else upstream.play({ phase, event, leave, answered: answered.promise })
    if (phase === 'before connect' || phase === 'after connect') await cut()

    const nonce = randomUUID()
    const answers = await ask('tools/call', nonce, going.signal)
    answered.resolve()

    // The ledger: what was executed against what was seen.
    const executions = upstream.executions.filter((executed) => executed === nonce).length
    expect(executionsOf(phase, event)).toContain(executions)
    const results = answers.filter((answer) => 'result' in answer)
    const errors = answers.filter((answer) => 'error' in answer)
    const counts = { results: results.length, errors: errors.length }
    expect(countsOf(outcome, event)).toContainEqual(counts)
    for (const answer of answers) expect(answer['id']).toBe(ID)
    for (const result of results) expect(result).toMatchObject({ result: { content: [{ text: nonce }] } })
    for (const error of errors) {
      const { code, data } = errorOf(error)
      expect({ code, server: data['server'] }).toEqual({ code: -32_603, server: 'fixture' })
      expect(data['reason']).toEqual(expect.any(String))
      expect(JSON.stringify(error)).not.toContain('somebody')
    }
    if (isAway) return

    // The next one gets its own answer, whatever is left of this one.
    upstream.play(undefined)
    // These connections end at any moment, and a call that was sent on one is never sent again.
    if (phase === 'after connect') await cut()
    onExchange = undefined
    const next = randomUUID()
    const method = isSlow ? 'prompts/get' : 'tools/call'
    const [answer, ...more] = await ask(method, next, never)
    expect(more).toEqual([])
    expect(answer).toMatchObject({ id: ID, result: {} })
    expect(JSON.stringify(answer)).toContain(next)
    for (const executed of upstream.executions) expect(sent).toContain(executed)
    expect(new Set(upstream.executions).size).toBe(upstream.executions.length)
  })
})
