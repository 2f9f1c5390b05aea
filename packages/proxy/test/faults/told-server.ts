import { appendFileSync } from 'node:fs'

/** What a server does to a call, as the call itself tells it. */
export const MISDEEDS = [
  'dies',
  'says no more',
  'closes its output',
  'says garbage first',
  'says half a message',
  'answers somebody else first',
  'answers twice',
  'is slow while the client goes',
] as const
export type Misdeed = (typeof MISDEEDS)[number]

/** When it does that. */
export const MOMENTS = ['before it answers', 'after some progress', 'after it has answered'] as const
export type Moment = (typeof MOMENTS)[number]

/** How such a server is connected. */
export interface Wire {
  readonly say: (text: string) => void
  readonly die: () => void
  readonly closeOutput: () => void
}

type Json = Readonly<Record<string, unknown>>

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null
const objectIn = (value: unknown): Json => (isJson(value) ? value : {})

/** How long a call goes on whose client goes, in milliseconds. Nothing depends on it. */
const SLOW_MS = 100
const CAPABILITIES = { tools: {}, prompts: {} }
const NOT_CACHED = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' }

/**
 * A server that does to a call what that tells it, and answers everything else. It depends on nothing, so that it starts in a
 * moment.
 *
 * @param ledger where it writes which calls it has executed, one nonce a line.
 */
export const toldServer =
  (era: 'legacy' | 'modern', ledger: string) =>
  (text: string, wire: Wire): void => {
    const { id, method, params } = objectIn(JSON.parse(text))
    if (id === undefined) return
    const say = (message: Json): void => wire.say(JSON.stringify({ jsonrpc: '2.0', ...message }))
    const given = objectIn(objectIn(params)['arguments'])
    const { misdeed, moment, nonce } = given
    const { progressToken } = objectIn(objectIn(params)['_meta'])
    const answer = (): void =>
      say({ id, result: { resultType: 'complete', content: [{ type: 'text', text: nonce }] } })
    if (method === 'tools/call') {
      appendFileSync(ledger, `${String(nonce)}\n`)
      if (misdeed === undefined) return answer()
      if (moment === 'after some progress')
        say({ method: 'notifications/progress', params: { progressToken, progress: 1 } })
      if (moment === 'after it has answered') answer()
      return misbehave(misdeed, { ...wire, id, answer, isAnswered: moment === 'after it has answered' })
    }
    const result = resultOf(method, era, given)
    return say(
      result === undefined ? { id, error: { code: -32_601, message: 'Method not found' } } : { id, result },
    )
  }

const misbehave = (
  misdeed: unknown,
  {
    answer,
    closeOutput,
    die,
    id,
    isAnswered,
    say,
  }: Wire & { readonly id: unknown; readonly answer: () => void; readonly isAnswered: boolean },
): void => {
  const answerNow = (): void => {
    if (!isAnswered) answer()
  }
  const other = JSON.stringify({
    jsonrpc: '2.0',
    id: 999_999,
    result: { content: [{ type: 'text', text: 'somebody' }] },
  })
  if (misdeed === 'dies') die()
  else if (misdeed === 'closes its output') closeOutput()
  else if (misdeed === 'says half a message') say(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result"`)
  else if (misdeed === 'says garbage first') {
    say('Listening on stdin ...')
    answerNow()
  } else if (misdeed === 'answers somebody else first') {
    say(other)
    answerNow()
  } else if (misdeed === 'answers twice') {
    answerNow()
    say(other.replace('999999', JSON.stringify(id)))
  } else if (misdeed === 'is slow while the client goes') setTimeout(answerNow, SLOW_MS)
}

const resultOf = (method: unknown, era: 'legacy' | 'modern', given: Json): Json | undefined => {
  const named = { name: 'pay' }
  if (method === 'tools/list')
    return { ...NOT_CACHED, tools: [{ ...named, inputSchema: { type: 'object' } }] }
  if (method === 'prompts/list') return { ...NOT_CACHED, prompts: [named] }
  if (method === 'prompts/get')
    return {
      resultType: 'complete',
      messages: [{ role: 'user', content: { type: 'text', text: given['nonce'] } }],
    }
  if (method === 'ping') return {}
  if (method === 'initialize' && era === 'legacy')
    return {
      protocolVersion: '2025-11-25',
      capabilities: CAPABILITIES,
      serverInfo: { name: 'told', version: '1' },
    }
  if (method === 'server/discover' && era === 'modern')
    return { ...NOT_CACHED, supportedVersions: ['2026-07-28'], capabilities: CAPABILITIES }
  return undefined
}
