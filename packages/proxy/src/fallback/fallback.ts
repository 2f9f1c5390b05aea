import { type Cache, MAXIMUM_TTL_MS } from '@mreg/cache'
import { findMember, readValue, scanMessage } from '@mreg/mcp-wire'

import type { Turn } from '../converse.ts'
import { idOf, type RoutedMessage } from '../routed.ts'
import { fallbackKey } from './fallback-key.ts'
import { type FallbackRule, fallbackRule } from './fallback-rule.ts'
import type { FallbackSettings } from './fallback-settings.ts'
import { freshnessIn } from './freshness.ts'
import { decodeKeptAnswer, encodeKeptAnswer, type KeptAnswer } from './kept-answer.ts'
import { isReplaceable } from './replaceable-failure.ts'
import { staleResponse } from './stale-response.ts'

export interface FallbackOptions extends FallbackSettings {
  /** Keeps the answers; without it, or while it is away, nothing stands in and nothing else changes. */
  readonly cache: Cache
  /** Deepest nesting of a message. */
  readonly maxJsonDepth: number
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** What has been done so far. */
export interface FallbackFigures {
  /** Answers that were given to the cache. */
  readonly kept: number
  /** Failures for which an older answer stood in. */
  readonly served: number
  /** Failures for which there was none. */
  readonly missed: number
}

/** One answer is written so often at most, in milliseconds: clients list again and again what does not change. */
const REWRITE_MS = 2000

/** So many keys are remembered as written. */
const MAX_REMEMBERED = 10_000

/** Writes under way at once; more are left out. */
const MAX_WRITES = 256

/**
 * Keeps the answers of servers to what only reads, and has them stand in when the server fails. The cache is read only then;
 * it is written behind the answer. Which answers may be kept, for whom and how long: {@link fallbackRule}.
 */
export class Fallback {
  readonly #options: FallbackOptions
  readonly #now: () => number
  readonly #written = new Map<string, number>()
  #writes = 0
  #kept = 0
  #served = 0
  #missed = 0

  constructor(options: FallbackOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  get figures(): FallbackFigures {
    return { kept: this.#kept, served: this.#served, missed: this.#missed }
  }

  /** Takes note of the response to a request; gives another one in its place when it is a failure that one can stand in for. */
  settle(message: RoutedMessage, turn: Turn): Turn | Promise<Turn> {
    const rule = fallbackRule(message, this.#options.maxStaleMs)
    if (rule === undefined) return turn
    if (turn.failure !== undefined)
      return isReplaceable(turn.failure) ? this.#replace(message, turn, rule) : turn
    if (turn.message.byteLength <= this.#options.maxAnswerBytes) {
      // Behind the answer, which is written first.
      setImmediate(() => {
        try {
          this.#keep(message, turn, rule)
        } catch {
          // What cannot be read once more is not kept.
        }
      })
    }
    return turn
  }

  async #replace(message: RoutedMessage, turn: Turn, rule: FallbackRule): Promise<Turn> {
    const { failure } = turn
    const kept = isReplaceable(failure) ? await this.#find(message, rule) : undefined
    if (kept === undefined || !isReplaceable(failure)) {
      this.#missed += 1
      return turn
    }
    this.#served += 1
    const response = staleResponse(idOf(message.scanned) ?? '', kept, failure, this.#now())
    return { ...turn, message: response, scanned: undefined, status: 200, failure: undefined, isStale: true }
  }

  async #find(message: RoutedMessage, { maxStaleMs }: FallbackRule): Promise<KeptAnswer | undefined> {
    const { principal } = message.exchange
    for (const whom of isShared(message) ? [principal.id, undefined] : [principal.id]) {
      const bytes = await this.#read(fallbackKey(message, whom))
      const kept = bytes && decodeKeptAnswer(bytes)
      // The rule may have been changed since it was written.
      if (kept !== undefined && this.#now() - kept.givenAt <= kept.ttlMs + maxStaleMs) return kept
    }
    return undefined
  }

  async #read(key: string): Promise<Uint8Array | undefined> {
    try {
      return await this.#options.cache.get(key)
    } catch {
      // Closed: the process is ending.
      return undefined
    }
  }

  #keep(message: RoutedMessage, turn: Turn, rule: FallbackRule): void {
    const { maxJsonDepth: maxDepth } = this.#options
    const { resultSpan, resultType } = turn.scanned ?? scanMessage(turn.message, { maxDepth })
    if (resultSpan === undefined || turn.message[resultSpan.start] !== OPENING_BRACE) return
    if (resultType !== undefined && resultType !== 'complete') return
    if (message.scanned.method === 'tools/call' && isToolError(turn.message, resultSpan)) return
    const said = turn.freshness ?? freshnessIn(turn.message, resultSpan)
    if (rule.needsTtl && said.ttlMs === 0) return
    const ttlMs = Math.min(rule.ttlMs ?? said.ttlMs, MAXIMUM_TTL_MS)
    const key = fallbackKey(
      message,
      said.isPublic && isShared(message) ? undefined : message.exchange.principal.id,
    )
    const givenAt = this.#now()
    if (this.#writes >= MAX_WRITES || !this.#isDue(key, givenAt)) return
    const result = turn.message.subarray(resultSpan.start, resultSpan.end)
    void this.#write(key, encodeKeptAnswer({ givenAt, ttlMs, result }), ttlMs + rule.maxStaleMs)
  }

  /** Whether `key` was not written just now; from now on it was. */
  #isDue(key: string, now: number): boolean {
    const last = this.#written.get(key)
    if (last !== undefined && Math.abs(now - last) < REWRITE_MS) return false
    // In order of writing, oldest first.
    this.#written.delete(key)
    this.#written.set(key, now)
    const [oldest] = this.#written.keys()
    if (this.#written.size > MAX_REMEMBERED && oldest !== undefined) this.#written.delete(oldest)
    return true
  }

  async #write(key: string, bytes: Uint8Array, lifetimeMs: number): Promise<void> {
    this.#writes += 1
    try {
      const isKept = await this.#options.cache.set(key, bytes, {
        ttlMs: Math.min(lifetimeMs, MAXIMUM_TTL_MS),
      })
      if (isKept) this.#kept += 1
      else this.#written.delete(key)
    } catch {
      // Closed: the process is ending.
    } finally {
      this.#writes -= 1
    }
  }
}

const OPENING_BRACE = 0x7b

/**
 * Whether what the server calls public is given to every principal: somebody has to have said that it is to be believed, and all
 * have to come to the server with the same credentials.
 */
const isShared = ({ route }: RoutedMessage): boolean => {
  const { fallback, login } = route.server.settings
  return fallback?.sharePublic === true && login !== 'principal'
}

const isToolError = (
  bytes: Uint8Array,
  result: { readonly start: number; readonly end: number },
): boolean => {
  const span = findMember(bytes, result, 'isError')
  return span !== undefined && readValue(bytes, span) !== false
}
