import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { waitUntil } from '@mreg/testing'
import type { JsonObject } from '@mreg/upstream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { MISDEEDS, type Misdeed, type Moment, MOMENTS } from './faults/told-server.ts'
import { startToldSse } from './faults/told-sse.ts'
import { errorOf, exchangeOf, initialize, seen } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { type OpenMerged, openMerged } from './support/open-merged.ts'
import { registered, type ServerFields } from './support/open-proxy.ts'

type Era = 'legacy' | 'modern'

/** Servers that answer all calls of a session on one wire, and how a client of which era comes to them. */
const WAYS: readonly (readonly [client: Era, path: string, server: string, era: Era])[] = [
  ['legacy', '/mcp/{slug}', 'process', 'legacy'],
  ['modern', '/mcp/{slug}', 'process', 'modern'],
  ['modern', '/mcp', 'process', 'legacy'],
  ['legacy', '/mcp', 'process', 'modern'],
  ['legacy', '/mcp/{slug}', 'HTTP+SSE server', 'legacy'],
  ['modern', '/mcp/{slug}', 'HTTP+SSE server', 'legacy'],
  ['legacy', '/mcp', 'HTTP+SSE server', 'legacy'],
  ['modern', '/mcp', 'HTTP+SSE server', 'legacy'],
]

const FATAL: ReadonlySet<Misdeed> = new Set([
  'dies',
  'says no more',
  'closes its output',
  'says half a message',
])
const CELLS = MISDEEDS.flatMap((misdeed) =>
  MOMENTS.map((moment) => [misdeed, moment, outcomeOf(misdeed, moment)] as const),
)

function outcomeOf(misdeed: Misdeed, moment: Moment): 'result' | 'error' {
  return FATAL.has(misdeed) && moment !== 'after it has answered' ? 'error' : 'result'
}

/** Every call of every client goes under the same id: only the nonce in it tells whose an answer is. */
const ID = 'same'
const PATIENT_MS = 60_000
/** What stalls is given up after that, in milliseconds. Nothing else is timed. */
const STALL_MS = 300
const MAIN = fileURLToPath(new URL('faults/told-stdio-main.ts', import.meta.url))

/** What tells one answer from another. */
const summaryOf = (answer: JsonObject): object => {
  const { id } = answer
  if (!('error' in answer)) return { id, text: /"text":"([^"]*)"/u.exec(JSON.stringify(answer))?.[1] }
  const { code, data } = errorOf(answer)
  return { id, code, server: data['server'] }
}

describe.each(WAYS)('a %s client through %s, and a %s of the %s era', (client, path, kind, era) => {
  const resources = new AsyncDisposableStack()
  let directory: string
  let open: OpenMerged
  let send: (
    method: string,
    params: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ) => Promise<JsonObject[]>

  const executions = async (): Promise<readonly string[]> =>
    (await readFile(join(directory, 'ledger'), 'utf8')).split('\n')
  const nameIn = (slug: string): string => (path === '/mcp' ? `${slug}__pay` : 'pay')

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mreg-told-'))
    const ledger = join(directory, 'ledger')
    await writeFile(ledger, '')
    const patient = { requestMs: PATIENT_MS, toolCallMs: PATIENT_MS }
    open = resources.use(
      await openMerged(
        { firstListMs: PATIENT_MS },
        {
          // They end all the time, and are to be there again at once.
          withProcesses: { restartMs: 1, maxRestartMs: 1, stopMs: 100 },
          connectTimeoutMs: PATIENT_MS,
          timeouts: patient,
          breaker: { failureThreshold: 1000, openMs: 1000, maxOpenMs: 1000 },
        },
      ),
    )
    const command = { command: process.execPath, args: ['--no-warnings', MAIN, era, ledger] }
    const [address, fields]: [string, ServerFields] =
      kind === 'process'
        ? ['', { command }]
        : [resources.use(await startToldSse(ledger)).url, { transport: 'sse' }]
    open.register(
      registered(address, { ...fields, slug: 'patient' }),
      registered(address, { ...fields, slug: 'hasty', settings: { toolCallTimeoutMs: STALL_MS } }),
    )
    const tokens = new Map<string, string>()
    send = async (method, { slug = '', ...params }, signal) => {
      const proxy = path === '/mcp' ? open.merged : open.open.proxy
      const own = { slug: String(slug), signal }
      if (client === 'modern')
        return [...(await sendModern({ proxy }, method, params, { id: ID, ...own })).messages]
      const token = tokens.get(String(slug)) ?? (await initialize(proxy, { slug: String(slug) })).token
      tokens.set(String(slug), token)
      const headers = { 'mcp-session-id': token, 'mcp-protocol-version': '2025-11-25' }
      const body = { jsonrpc: '2.0', id: ID, method, params }
      return [...(await seen(await proxy.handle(exchangeOf(body, { ...own, headers })))).messages]
    }
  }, 120_000)

  afterAll(async () => {
    await resources.disposeAsync()
    await rm(directory, { recursive: true, force: true })
  })

  test.each(CELLS)('that %s %s: %s', { timeout: 120_000 }, async (misdeed, moment, outcome) => {
    const slug = misdeed === 'says no more' ? 'hasty' : 'patient'
    const never = new AbortController().signal
    const ask = async (method: string, told: object, signal = never): Promise<JsonObject[]> => {
      const params = { slug, name: nameIn(slug), arguments: told, _meta: { progressToken: 'p' } }
      return (await send(method, params, signal)).filter((message) => 'id' in message)
    }
    /** Asks for something harmless until the server is there again; no answer may be to anything else. */
    const askSafely = async (): Promise<void> => {
      const own = randomUUID()
      const away = JSON.stringify([{ id: ID, code: -32_603, server: slug }])
      let answers: readonly object[] = []
      do {
        await delay(2)
        answers = (await ask('prompts/get', { nonce: own })).map(summaryOf)
      } while (JSON.stringify(answers) === away)
      expect(answers).toEqual([{ id: ID, text: own }])
    }
    // Whatever has to be started is started here.
    await askSafely()

    const nonce = randomUUID()
    const going = new AbortController()
    const asking = ask('tools/call', { nonce, misdeed, moment }, going.signal)
    if (misdeed === 'is slow while the client goes') {
      await waitUntil('the call to be executed', async () => (await executions()).includes(nonce), {
        timeoutMs: PATIENT_MS,
      })
      going.abort()
    }
    const answers = await asking

    const result = [{ id: ID, text: nonce }]
    const error = [{ id: ID, code: -32_603, server: slug }]
    const expected = outcome === 'result' ? [result] : [error]
    // Who has gone may have had an answer, but none of somebody else.
    const isGone = misdeed === 'is slow while the client goes'
    expect(isGone ? [[], result, error] : expected).toContainEqual(answers.map(summaryOf))

    // The next one gets its own answer, whatever is left of this one.
    await askSafely()
    const executed = (await executions()).filter((each) => each === nonce)
    expect(executed).toEqual([nonce])
  })
})
