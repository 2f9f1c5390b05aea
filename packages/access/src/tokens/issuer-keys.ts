import { type Logger, silentLogger } from '@mreg/core'
import type { LocalJWKSet } from 'jose'

import type { OAuthFetch } from '../oauth/oauth-fetch.ts'
import { type IssuerMetadata, readIssuerKeys, readIssuerMetadata } from './issuer-metadata.ts'
import { keysUnavailable } from './token-refusals.ts'

export interface IssuerKeysOptions {
  /** The identity provider, as it is set. */
  readonly issuer: string
  readonly fetch: OAuthFetch
  /** After so long the keys are fetched anew, in milliseconds. */
  readonly refreshMs: number
  /** How long the last known keys are good while the provider cannot be reached, in milliseconds. */
  readonly maxStaleMs: number
  readonly logger?: Logger | undefined
  /** A clock that never goes back, in milliseconds. Default `performance.now`. */
  readonly now?: (() => number) | undefined
}

/** The keys of a provider, as they were last fetched. */
export interface KnownKeys {
  /** As the provider writes itself in `iss`. */
  readonly issuer: string
  readonly keys: LocalJWKSet
}

/** Between two fetches at least, whatever tokens come in. */
const MIN_INTERVAL_MS = 10_000

/** For one fetch of everything. */
const FETCH_MS = 10_000

/** How long a request waits for keys that are newer than those that there are. */
const PATIENCE_MS = 5000

/** How long the metadata, which say where the keys are, are good. */
const METADATA_MS = 3_600_000

/**
 * The public keys of one identity provider, found by its metadata. Fetched when they are first needed, one fetch at a time
 * and one each ten seconds at most, however many tokens name keys that nobody knows; used for a while when it is away.
 */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions
  readonly #logger: Logger
  readonly #now: () => number
  #known: (KnownKeys & { readonly atMs: number }) | undefined
  #metadata: { readonly found: IssuerMetadata; readonly atMs: number } | undefined
  #fetching: Promise<void> | undefined
  #triedAtMs = Number.NEGATIVE_INFINITY
  #isAway = false

  constructor(options: IssuerKeysOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#now = options.now ?? performance.now.bind(performance)
  }

  /**
   * The keys that are good now.
   *
   * @throws {UnavailableError} `token_keys_unavailable`: there are none, or they are too old.
   */
  async current(): Promise<KnownKeys> {
    const known = this.#usable()
    if (known === undefined) {
      await this.#refresh()
      const fetched = this.#usable()
      if (fetched !== undefined) return fetched
      throw keysUnavailable(Math.max(1000, this.#triedAtMs + MIN_INTERVAL_MS - this.#now()))
    }
    if (this.#now() - known.atMs <= this.#options.refreshMs) return known
    const refreshed = this.#refresh()
    // A provider that does not answer must not make everybody wait.
    if (!this.#isAway) await atMost(PATIENCE_MS, refreshed)
    return this.#known ?? known
  }

  /** Keys that are newer than `known`, which has not the one that is looked for; undefined: there are none to be had. */
  async newerThan(known: KnownKeys): Promise<KnownKeys | undefined> {
    if (this.#known === known) await atMost(PATIENCE_MS, this.#refresh())
    return this.#known === known ? undefined : this.#known
  }

  #usable(): (KnownKeys & { readonly atMs: number }) | undefined {
    const known = this.#known
    return known !== undefined && this.#now() - known.atMs <= this.#options.maxStaleMs ? known : undefined
  }

  /** Never rejects. */
  #refresh(): Promise<void> {
    if (this.#fetching !== undefined) return this.#fetching
    if (this.#now() - this.#triedAtMs < MIN_INTERVAL_MS) return Promise.resolve()
    this.#triedAtMs = this.#now()
    this.#fetching = this.#replace().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #replace(): Promise<void> {
    try {
      this.#known = await this.#fetch()
      this.#isAway = false
    } catch (error) {
      this.#isAway = true
      // The keys may have moved.
      this.#metadata = undefined
      const { issuer } = this.#options
      this.#logger.warn('the keys of the identity provider could not be fetched', { issuer, error })
    }
  }

  async #fetch(): Promise<KnownKeys & { readonly atMs: number }> {
    const { fetch, issuer } = this.#options
    const atMs = this.#now()
    const signal = AbortSignal.timeout(FETCH_MS)
    if (this.#metadata === undefined || atMs - this.#metadata.atMs > METADATA_MS)
      this.#metadata = { found: await readIssuerMetadata(fetch, issuer, signal), atMs }
    const { found } = this.#metadata
    return { issuer: found.issuer, keys: await readIssuerKeys(fetch, found.jwksUri, signal), atMs }
  }
}

/** Waits for `done`, for so many milliseconds. */
const atMost = async (ms: number, done: Promise<void>): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  try {
    await Promise.race([done, promise])
  } finally {
    clearTimeout(timer)
  }
}
