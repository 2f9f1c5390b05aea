import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { isJsonObject, type JsonObject } from '@mreg/upstream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { clientOf, errorOf, exchangeOf, INITIALIZE, seen } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { type OpenMerged, openMerged } from './support/open-merged.ts'
import { registered } from './support/open-proxy.ts'

type Era = 'legacy' | 'modern'

const MISDEEDS = [
  'dies at once',
  'dies when it is asked',
  'closes its output',
  'refuses',
  'says nothing',
  'says garbage',
  'says half a message',
  'answers somebody else',
] as const
/** Nobody can tell those from a process that needs a while: whoever waits is told when its time is over. */
const IS_SILENT: ReadonlySet<string> = new Set(MISDEEDS.slice(4))
/** What is given to a call of those, in milliseconds. Nothing else is timed. */
const STALL_MS = 300
const PATIENT_MS = 60_000
/** Every request of every client goes under the same id. */
const ID = 'same'
const MAIN = fileURLToPath(new URL('faults/faulty-start-main.ts', import.meta.url))

/** Between the eras it is the same start. */
const SAMPLE = ['dies when it is asked', 'says nothing'] as const
const CELLS: readonly (readonly [client: Era, server: Era, misdeed: string])[] = [
  ...MISDEEDS.flatMap((misdeed) => [
    ['legacy', 'legacy', misdeed] as const,
    ['modern', 'modern', misdeed] as const,
  ]),
  ...SAMPLE.flatMap((misdeed) => [
    ['legacy', 'modern', misdeed] as const,
    ['modern', 'legacy', misdeed] as const,
  ]),
]

describe('before a process of a server has answered anything', () => {
  let directory: string
  let open: OpenMerged

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mreg-start-'))
    open = await openMerged(
      {},
      {
        withProcesses: { restartMs: 1, maxRestartMs: 1, stopMs: 100 },
        connectTimeoutMs: PATIENT_MS,
        timeouts: { requestMs: PATIENT_MS, toolCallMs: PATIENT_MS },
        breaker: { failureThreshold: 1000, openMs: 1000, maxOpenMs: 1000 },
      },
    )
  })
  afterAll(async () => {
    await open?.[Symbol.asyncDispose]()
    await rm(directory, { recursive: true, force: true })
  })

  test.each(CELLS)('a %s client, a %s server that %s: one error', { timeout: 120_000 }, async (...cell) => {
    const [client, server, misdeed] = cell
    const name = randomUUID()
    const slug = name.slice(0, 18)
    const ledger = join(directory, `${name}.ledger`)
    const well = join(directory, `${name}.well`)
    await writeFile(ledger, '')
    const limits = { toolCallTimeoutMs: STALL_MS, requestTimeoutMs: STALL_MS }
    open.register(
      registered('', {
        slug,
        command: { command: process.execPath, args: ['--no-warnings', MAIN, server, ledger, misdeed, well] },
        settings: IS_SILENT.has(misdeed) ? limits : {},
      }),
    )
    const { proxy } = open.open
    let token: string | undefined
    /** Begins a session, where that is needed. Gives the answers to that, if it could not be begun. */
    const begin = async (): Promise<readonly JsonObject[] | undefined> => {
      if (client === 'modern' || token !== undefined) return undefined
      const { headers, messages } = await seen(
        await proxy.handle(exchangeOf({ ...INITIALIZE, id: ID }, { slug })),
      )
      token = headers['mcp-session-id']
      return token === undefined ? messages : undefined
    }
    const ask = async (method: string, nonce: string): Promise<readonly JsonObject[]> => {
      const refused = await begin()
      if (refused !== undefined) return refused
      const params = { name: 'pay', arguments: { nonce } }
      if (client === 'modern') return (await sendModern({ proxy }, method, params, { id: ID, slug })).messages
      const body = { jsonrpc: '2.0', id: ID, method, params }
      return (await clientOf(proxy, token ?? '', { slug }).ask(body)).messages
    }
    const expectError = ([answer, ...more]: readonly JsonObject[]): void => {
      expect(more).toEqual([])
      expect(answer).toMatchObject({ id: ID, error: { code: -32_603 } })
      expect(errorOf(answer ?? {}).data).toMatchObject({ server: slug, reason: expect.any(String) })
      expect(JSON.stringify(answer)).not.toContain('somebody')
    }

    const nonce = randomUUID()
    expectError(await ask('tools/call', nonce))

    // From now on there is nothing wrong with it. What it was not asked for any more it does not do.
    await writeFile(well, '')
    const own = randomUUID()
    let answers = await ask('prompts/get', own)
    while (answers.some((answer) => 'error' in answer)) {
      expectError(answers)
      await delay(5)
      answers = await ask('prompts/get', own)
    }
    expect(answers).toHaveLength(1)
    const [answer] = answers
    expect(answer?.['id']).toBe(ID)
    expect(JSON.stringify(isJsonObject(answer) ? answer['result'] : undefined)).toContain(own)
    expect(await readFile(ledger, 'utf8')).toBe('')
  })
})
