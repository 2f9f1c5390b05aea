import type { Principal } from '@mreg/core'
import type { StoredApiKey } from '@mreg/repositories'

import type { ApiKeyHasher } from './api-key-hasher.ts'
import { type ApiKeyParts, parseApiKey } from './api-key-text.ts'

/** A key as it is known in memory. */
export interface KnownApiKey {
  readonly record: StoredApiKey
  /** On whose behalf it acts; always the same object for the same state of the key. */
  readonly principal: Principal
}

/** What came of looking at a key. */
export type ApiKeyFinding =
  | { readonly kind: 'good'; readonly key: KnownApiKey }
  | { readonly kind: 'unknown' | 'expired' | 'revoked' }

/** Whether a key that is known lets anybody in. */
export type ApiKeyStanding = Exclude<ApiKeyFinding['kind'], 'unknown'>

/** What a timer can wait at most, in milliseconds. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1

/** So that a key that nobody has costs the same work as one with a wrong secret. */
const NOBODY = new Uint8Array(32)

/**
 * All keys in memory, kept current by the change log: a request asks no database, and a revocation counts as soon as it is
 * announced. How many there can be is bounded where they are made.
 */
export class KnownApiKeys {
  readonly #hasher: ApiKeyHasher
  readonly #now: () => number
  readonly #byLookupId = new Map<string, KnownApiKey>()
  readonly #byId = new Map<string, KnownApiKey>()
  /** Of those keys with which somebody holds a stream open. */
  readonly #ends = new Map<string, AbortController>()
  #uses = new Map<string, Date>()

  /** @param now the time of day in milliseconds since 1970. Default `Date.now`. */
  constructor(hasher: ApiKeyHasher, now: () => number = Date.now) {
    this.#hasher = hasher
    this.#now = now
  }

  /** Takes over all keys that there are. */
  replace(keys: readonly StoredApiKey[]): void {
    const revisions = new Map(keys.map(({ id, revision }) => [id, revision]))
    for (const [id, { record }] of this.#byId) if (revisions.get(id) !== record.revision) this.#end(id)
    this.#byId.clear()
    this.#byLookupId.clear()
    for (const key of keys) this.#add(key)
  }

  /**
   * Takes over what changed.
   *
   * @param ids of the keys that changed; one that is not among `keys` is gone.
   */
  update(ids: readonly string[], keys: readonly StoredApiKey[]): void {
    for (const id of ids) {
      const old = this.#byId.get(id)
      this.#byId.delete(id)
      this.#end(id)
      if (old !== undefined) this.#byLookupId.delete(old.record.lookupId)
    }
    for (const key of keys) this.#add(key)
  }

  /** The key of that id; undefined: there is none. */
  byId(id: string): KnownApiKey | undefined {
    return this.#byId.get(id)
  }

  /** The keys of a tenant that somebody may mean by `text`: the one of that id, else those of that name or principal. */
  named(tenantId: string, text: string): readonly KnownApiKey[] {
    const known = this.#byId.get(text)
    if (known?.record.tenantId === tenantId) return [known]
    return [...this.#byId.values()].filter(
      ({ record }) => record.tenantId === tenantId && (record.name === text || record.principalId === text),
    )
  }

  /** Whether a key is still good by itself. */
  stateOf({ expiresAt, revokedAt }: Pick<StoredApiKey, 'expiresAt' | 'revokedAt'>): ApiKeyStanding {
    if (revokedAt !== undefined) return 'revoked'
    return expiresAt !== undefined && expiresAt.getTime() <= this.#now() ? 'expired' : 'good'
  }

  /** Looks at what somebody sent as a key; undefined: it is not of the shape of one. */
  check(text: string): ApiKeyFinding | undefined {
    const parts = parseApiKey(text)
    return parts === undefined ? undefined : this.#find(parts)
  }

  /**
   * Is aborted when a key is changed, revoked or removed, or its time is over: what its holder holds open until then is to end,
   * and may be opened anew with whatever the key is good for by then.
   */
  endOf(id: string): AbortSignal {
    const record = this.#byId.get(id)?.record
    if (record === undefined) return AbortSignal.abort()
    const end = this.#ends.get(id) ?? new AbortController()
    this.#ends.set(id, end)
    if (record.expiresAt === undefined) return end.signal
    const leftMs = Math.max(0, record.expiresAt.getTime() - this.#now())
    return AbortSignal.any([end.signal, AbortSignal.timeout(Math.min(leftMs, LONGEST_TIMER_MS))])
  }

  /** When keys were used since the last call, by their ids. */
  takeUses(): ReadonlyMap<string, Date> {
    const uses = this.#uses
    this.#uses = new Map()
    return uses
  }

  #find(parts: ApiKeyParts): ApiKeyFinding {
    const key = this.#byLookupId.get(parts.lookupId)
    if (!this.#hasher.matches(parts, key?.record.hash ?? NOBODY) || key === undefined)
      return { kind: 'unknown' }
    const kind = this.stateOf(key.record)
    if (kind !== 'good') return { kind }
    this.#uses.set(key.record.id, new Date(this.#now()))
    return { kind, key }
  }

  #end(id: string): void {
    this.#ends.get(id)?.abort()
    this.#ends.delete(id)
  }

  #add(record: StoredApiKey): void {
    const { id, lookupId, principalId, role, tenantId } = record
    const principal = Object.freeze<Principal>({
      id: principalId,
      tenantId,
      role,
      kind: 'key',
      keyId: id,
    })
    const known = { record, principal }
    this.#byId.set(id, known)
    this.#byLookupId.set(lookupId, known)
  }
}
