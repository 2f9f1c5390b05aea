import { type Cache, cacheKey, type Notice } from '@mreg/cache'
import type { ServerStatus } from '@mreg/core'

import type { KeptProbe } from './health-recorder.ts'

export interface HealthBoardOptions {
  readonly cache: Cache
  /** How long what was found is worth anything, in milliseconds. */
  readonly ttlMs: number
}

/** Who goes by what others have found. */
export interface HealthReader {
  /** Takes over what somebody found at an endpoint. Must be quick, and may be told the same again. */
  readonly learn: (endpointId: string, status: ServerStatus) => void
  /** Those it wants to know about. */
  readonly endpointIds: () => Iterable<string>
}

/** The channel on which new findings are told. */
const CHANNEL = 'endpoint-health'
/** Findings in one message, at most; each has fewer than 64 characters. */
const PER_MESSAGE = 200
/** More than a message can be: others may write to the bus. */
const MAXIMUM_CHARACTERS = PER_MESSAGE * 64
/** Keys that are asked for at once. */
const READ_AT_ONCE = 64

const STATUSES: ReadonlySet<unknown> = new Set<ServerStatus>([
  'unknown',
  'healthy',
  'degraded',
  'unhealthy',
  'needs_login',
])

/**
 * What probes found, for all processes on one cache: kept there under the endpoint for as long as it is worth anything, and told on
 * its bus. Whoever probes posts what is bad, each time, and the first that is good again; what works and has worked costs
 * nothing. All of it may be lost: whoever reads goes by the change log, and by what it sees itself, where the cache is away.
 */
export class HealthBoard implements AsyncDisposable {
  readonly #cache: Cache
  readonly #ttlMs: number
  readonly #writes = new Set<Promise<unknown>>()
  #reader: HealthReader | undefined
  #subscribing: Promise<AsyncDisposable> | undefined
  #reading: Promise<void> | undefined
  /** Endpoints that were told of while the board was read. */
  readonly #toldMeanwhile = new Set<string>()
  #isEnded = false

  constructor({ cache, ttlMs }: HealthBoardOptions) {
    this.#cache = cache
    this.#ttlMs = ttlMs
  }

  /** Tells everyone of results that were kept, soon. Nobody waits for it. */
  post(kept: readonly KeptProbe[]): void {
    const news = kept.filter(({ found, former }) => found !== 'healthy' || former !== 'healthy')
    for (let from = 0; from < news.length; from += PER_MESSAGE) {
      const part = news.slice(from, from + PER_MESSAGE)
      const write = this.#tell(part).finally(() => this.#writes.delete(write))
      this.#writes.add(write)
    }
  }

  /** Tells `reader` from now on. There is one. */
  follow(reader: HealthReader): void {
    this.#reader = reader
    this.#subscribing ??= this.#cache.subscribe(CHANNEL, (notice) => this.#hear(notice))
    // Without it, this process goes by the change log.
    this.#subscribing.catch(() => {})
  }

  /** Tells the reader what is on the board; fulfils when it has been told. What is told meanwhile is newer, and stays. */
  async read(): Promise<void> {
    if (this.#reading !== undefined) await this.#reading
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined
      this.#toldMeanwhile.clear()
    })
    await this.#reading
  }

  /** Ends the subscription, when what is being written is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true
    await Promise.allSettled([...this.#writes, this.#reading])
    await (await this.#subscribing?.catch(() => undefined))?.[Symbol.asyncDispose]()
  }

  /** In this order on one connection: who is told finds it written. */
  async #tell(news: readonly KeptProbe[]): Promise<void> {
    await Promise.all([
      ...news.map(({ endpointId, found }) =>
        this.#cache.set(keyOf(endpointId), encoder.encode(found), { ttlMs: this.#ttlMs }),
      ),
      this.#cache.publish(
        CHANNEL,
        JSON.stringify(news.map(({ endpointId, found }) => [endpointId, found] as const)),
      ),
    ])
  }

  #hear({ message, missed }: Notice): void {
    if (message !== undefined && message.length <= MAXIMUM_CHARACTERS) {
      for (const [endpointId, status] of parse(message)) {
        if (this.#reading !== undefined) this.#toldMeanwhile.add(endpointId)
        this.#reader?.learn(endpointId, status)
      }
    }
    if (missed) void this.read()
  }

  async #readAll(): Promise<void> {
    if (this.#reader === undefined) return
    const ids = [...this.#reader.endpointIds()]
    for (let from = 0; from < ids.length && !this.#isEnded; from += READ_AT_ONCE) {
      const part = ids.slice(from, from + READ_AT_ONCE)
      const found = await Promise.all(part.map((endpointId) => this.#cache.lookup(keyOf(endpointId))))
      for (const [index, entry] of found.entries()) {
        // The cache is away: it says when it is back.
        if (entry.kind === 'unknown') return
        const endpointId = part[index]
        const status = entry.kind === 'hit' ? decoder.decode(entry.value) : undefined
        if (endpointId !== undefined && !this.#toldMeanwhile.has(endpointId) && isStatus(status))
          this.#reader.learn(endpointId, status)
      }
    }
  }
}

const keyOf = (endpointId: string): string => cacheKey('endpoint-health', endpointId)
const encoder = new TextEncoder()
const decoder = new TextDecoder()

const isStatus = (value: unknown): value is ServerStatus => STATUSES.has(value)

/** What a message tells, as far as it can be understood: another version may have written it, or anybody. */
function* parse(text: string): Generator<readonly [string, ServerStatus], void, undefined> {
  let told: unknown
  try {
    told = JSON.parse(text)
  } catch {
    return
  }
  if (!Array.isArray(told)) return
  for (const finding of told as readonly unknown[]) {
    if (!Array.isArray(finding)) continue
    const [endpointId, status] = finding as readonly unknown[]
    if (typeof endpointId === 'string' && isStatus(status)) yield [endpointId, status]
  }
}
