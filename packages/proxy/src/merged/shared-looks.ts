import { type Cache, cacheKey } from '@mreg/cache'

/** Which lists a server was asked for. */
export interface LookedAt {
  readonly tenantId: string
  readonly serverId: string
  /** Of the server. Another revision may be another server. */
  readonly revision: number
  /** Whose lists they are: empty for everybody's. */
  readonly scopeKey: string
}

/**
 * What several gateways tell each other of the servers they have asked, so that not each of them asks every server all the time.
 * What was learned is not in here: that is kept, and the others hear of it. Without the cache, everybody asks.
 */
export class SharedLooks {
  readonly #cache: Pick<Cache, 'get' | 'set'>

  /** @param cache what all gateways have in common. */
  constructor(cache: Pick<Cache, 'get' | 'set'>) {
    this.#cache = cache
  }

  /** A server has said what it offers, and need not be asked again for so many milliseconds. */
  async note(looked: LookedAt, forMs: number): Promise<void> {
    await this.#cache.set(keyOf(looked), NOTE, { ttlMs: Math.max(1, Math.round(forMs)) })
  }

  /** Whether a server has said it not long ago, here or to another gateway. */
  async isRecent(looked: LookedAt): Promise<boolean> {
    return (await this.#cache.get(keyOf(looked))) !== undefined
  }
}

const NOTE = new Uint8Array([1])

const keyOf = ({ tenantId, serverId, revision, scopeKey }: LookedAt): string =>
  cacheKey('catalog-look', tenantId, serverId, revision, scopeKey)
