import { setTimeout as delay } from 'node:timers/promises'

import { LOCAL_PRINCIPAL, type Logger, silentLogger } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import { type RegistryDatabase, type StoredGrant, UpstreamGrantRepository } from '@mreg/repositories'

import type { GrantContent, GrantOwner, GrantVault } from './grant-vault.ts'
import type { LoginNetwork } from './login-network.ts'
import { createOAuthFetch } from './oauth-fetch.ts'
import { coversUrl } from './resource.ts'
import { GrantRejectedError, refreshTokens, type Tokens } from './tokens.ts'

/** Whose grant is used for everybody, where a server has one login for all. */
export const GRANT_PRINCIPAL: string = LOCAL_PRINCIPAL.id

/** A change of what is registered, as far as grants go. */
export interface GrantDelta {
  readonly changed: readonly {
    readonly id: string
    readonly tenantId: string
    readonly grants?: readonly StoredGrant[] | undefined
  }[]
  readonly removed: readonly { readonly serverId: string }[]
  /** Whether `changed` is everything there is. */
  readonly complete: boolean
}

export interface UpstreamGrantsOptions {
  readonly database: DatabasePool<RegistryDatabase>
  readonly vault: GrantVault
  readonly network: LoginNetwork
  /** Takes over what was stored before the call, by way of {@link UpstreamGrants.apply}. */
  readonly catchUp: () => Promise<void>
  /** Between looks for tokens that expire soon, in milliseconds. Default 5000. */
  readonly sweepMs?: number | undefined
  /** Is told of grants that came, went or were replaced by others. */
  readonly onChange?: ((owner: GrantOwner) => void) | undefined
  readonly logger?: Logger | undefined
}

interface Held {
  readonly owner: GrantOwner
  readonly stored: StoredGrant
  readonly content: GrantContent
  /** Before then, no refresh is tried: the last one failed. In milliseconds since 1970. */
  notBefore: number
  /** Whether the tokens come from a refresh in this process, and so are as good as they get. */
  readonly isRefreshed: boolean
}

const LEASE_MS = 45_000
const PAUSE_AFTER_FAILURE_MS = 30_000
/** A token that is refused so soon after its refresh is not made better by another. */
const FRESH_MS = 60_000
const MAX_LEAD_MS = 300_000
const POLL_MS = 250

/** The tokens for MCP servers, open in memory: a request asks no database. They are refreshed before they expire. */
export class UpstreamGrants implements AsyncDisposable {
  readonly #options: UpstreamGrantsOptions
  readonly #logger: Logger
  /** By server, then by principal. */
  readonly #held = new Map<string, Map<string, Held>>()
  readonly #refreshing = new Map<string, Promise<boolean>>()
  readonly #refreshedGenerations = new Map<string, number>()
  readonly #ending = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(options: UpstreamGrantsOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#timer = setInterval(() => this.#sweep(), options.sweepMs ?? 5000)
    this.#timer.unref()
  }

  /** Takes a change over. */
  apply({ changed, removed, complete }: GrantDelta): void {
    const there = new Set(changed.map(({ id }) => id))
    const gone = complete ? [...this.#held.keys()].filter((id) => !there.has(id)) : []
    for (const serverId of [...gone, ...removed.map((each) => each.serverId)]) this.#keepOnly(serverId, [])
    for (const { id: serverId, tenantId, grants = [] } of changed) {
      this.#keepOnly(serverId, grants)
      for (const stored of grants) {
        this.#take({ tenantId, serverId, principalId: stored.principalId }, stored)
      }
    }
  }

  /** Whether a principal has a login of its own for a server. */
  has(serverId: string, principalId: string): boolean {
    return this.#held.get(serverId)?.has(principalId) === true
  }

  /**
   * The access token of a principal for a server; undefined when there is none, or none for that URL: a token goes only where
   * it is meant for, also when the server's address was changed after the login.
   */
  tokenFor(serverId: string, url: string, principalId = GRANT_PRINCIPAL): string | undefined {
    const content = this.#held.get(serverId)?.get(principalId)?.content
    return content !== undefined && coversUrl(content.resource, url) ? content.tokens.accessToken : undefined
  }

  /**
   * Gets a better token after a server has refused one.
   *
   * @param refused the token that it refused.
   * @returns whether there is another one now.
   */
  async renew(serverId: string, refused: string, principalId = GRANT_PRINCIPAL): Promise<boolean> {
    const held = this.#held.get(serverId)?.get(principalId)
    if (held === undefined) return false
    const { tokens } = held.content
    if (tokens.accessToken !== refused) return true
    if (held.isRefreshed && Date.now() - tokens.obtainedAt < FRESH_MS) return false
    return this.#refresh(held.owner)
  }

  /** Ends the refreshing; what is under way is cut short. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    this.#ending.abort()
    await Promise.allSettled(this.#refreshing.values())
  }

  #take(owner: GrantOwner, stored: StoredGrant): void {
    const known = this.#held.get(owner.serverId)?.get(owner.principalId)
    if (known?.stored.generation === stored.generation && sameBytes(known.stored, stored)) return
    try {
      const content = this.#options.vault.open(owner, stored.ciphertext)
      const isRefreshed = this.#refreshedGenerations.get(keyOf(owner)) === stored.generation
      this.#hold({ owner, stored, content, notBefore: 0, isRefreshed })
      if (!isRefreshed) this.#options.onChange?.(owner)
    } catch (error) {
      this.#drop(owner)
      this.#logger.warn('the login of a server cannot be opened; log in again', {
        serverId: owner.serverId,
        error,
      })
    }
  }

  #hold(held: Held): void {
    const { serverId, principalId } = held.owner
    const ofServer = this.#held.get(serverId) ?? new Map<string, Held>()
    this.#held.set(serverId, ofServer.set(principalId, held))
  }

  /** Drops the grants for a server whose principals have none any more. */
  #keepOnly(serverId: string, grants: readonly Pick<StoredGrant, 'principalId'>[]): void {
    const kept = new Set(grants.map(({ principalId }) => principalId))
    for (const { owner } of this.#held.get(serverId)?.values() ?? [])
      if (!kept.has(owner.principalId)) this.#drop(owner)
  }

  #drop(owner: GrantOwner): void {
    const ofServer = this.#held.get(owner.serverId)
    this.#refreshedGenerations.delete(keyOf(owner))
    if (ofServer?.delete(owner.principalId) !== true) return
    if (ofServer.size === 0) this.#held.delete(owner.serverId)
    this.#options.onChange?.(owner)
  }

  #sweep(): void {
    const now = Date.now()
    for (const ofServer of this.#held.values()) {
      for (const { content, notBefore, owner } of ofServer.values()) {
        if (content.tokens.refreshToken !== undefined && now >= notBefore && now >= refreshAt(content.tokens))
          void this.#refresh(owner)
      }
    }
  }

  /** One at a time for each grant; never rejects. */
  #refresh(owner: GrantOwner): Promise<boolean> {
    const { serverId } = owner
    const running = this.#refreshing.get(keyOf(owner))
    if (running !== undefined) return running
    const held = this.#held.get(serverId)?.get(owner.principalId)
    if (held === undefined || this.#ending.signal.aborted) return Promise.resolve(false)
    const refresh = this.#tryRefresh(held)
      .catch((error: unknown) => {
        held.notBefore = Date.now() + PAUSE_AFTER_FAILURE_MS
        this.#logger.warn('the login of a server could not be refreshed; it is tried again', {
          serverId,
          error,
        })
        return false
      })
      .finally(() => this.#refreshing.delete(keyOf(owner)))
    this.#refreshing.set(keyOf(owner), refresh)
    return refresh
  }

  async #tryRefresh(held: Held): Promise<boolean> {
    const { refreshToken } = held.content.tokens
    if (refreshToken === undefined || Date.now() < held.notBefore) return false
    const { owner, stored } = held
    // A refresh token is good once: of all processes, one may send it.
    if (!(await this.#inTenant(owner, (grants) => grants.claim(stored, LEASE_MS)))) return this.#await(held)
    let tokens: Tokens
    try {
      tokens = await this.#askForTokens(held.content, refreshToken)
    } catch (error) {
      if (!GrantRejectedError.is(error)) {
        await this.#inTenant(owner, (grants) => grants.unclaim(stored))
        throw error
      }
      this.#logger.info('the login of a server has ended; log in again', { serverId: owner.serverId })
      await this.#inTenant(owner, (grants) => grants.delete(owner, stored.generation))
      await this.#options.catchUp()
      return false
    }
    await this.#keep(held, { ...held.content, tokens })
    return true
  }

  #askForTokens(content: GrantContent, refreshToken: string): Promise<Tokens> {
    return refreshTokens(
      {
        fetch: createOAuthFetch(this.#options.network, content.resource),
        server: { issuer: content.issuer, token_endpoint: content.tokenEndpoint },
        client: content.client,
        resource: content.resource,
        signal: this.#ending.signal,
      },
      refreshToken,
    )
  }

  async #keep(held: Held, content: GrantContent): Promise<void> {
    const { owner, stored } = held
    const sealed = this.#options.vault.seal(owner, content)
    const expiresAt = content.tokens.expiresAt === undefined ? undefined : new Date(content.tokens.expiresAt)
    this.#refreshedGenerations.set(keyOf(owner), stored.generation + 1)
    try {
      await this.#inTenant(owner, (grants) => grants.replace({ ...stored, ...sealed, expiresAt }))
      await this.#options.catchUp()
    } catch (error) {
      // The old tokens are used up: without the database, this process goes on with the new ones.
      if (this.#held.get(owner.serverId)?.get(owner.principalId) === held)
        this.#hold({ owner, stored, content, notBefore: 0, isRefreshed: true })
      this.#logger.warn('refreshed tokens could not be stored', { serverId: owner.serverId, error })
    }
  }

  /** Another process refreshes: waits for what it stores. */
  async #await(held: Held): Promise<boolean> {
    const deadline = Date.now() + LEASE_MS
    while (Date.now() < deadline) {
      const now = await this.#inTenant(held.owner, (grants) => grants.get(held.owner))
      if (now === undefined || now.generation !== held.stored.generation) {
        await this.#options.catchUp()
        return now !== undefined
      }
      await delay(POLL_MS, undefined, { signal: this.#ending.signal })
    }
    return false
  }

  #inTenant<Result>(
    { tenantId }: GrantOwner,
    work: (grants: UpstreamGrantRepository) => Promise<Result>,
  ): Promise<Result> {
    return this.#options.database.tenantSession(tenantId, (session) =>
      work(new UpstreamGrantRepository(session)),
    )
  }
}

/** An identifier of a server has no blank. */
const keyOf = ({ serverId, principalId }: GrantOwner): string => `${serverId} ${principalId}`

/** When to refresh, in milliseconds since 1970: a fifth of the lifetime before the end, at most five minutes. */
const refreshAt = ({ obtainedAt, expiresAt }: Tokens): number =>
  expiresAt === undefined
    ? Number.POSITIVE_INFINITY
    : expiresAt - Math.min(MAX_LEAD_MS, (expiresAt - obtainedAt) / 5)

const sameBytes = (one: StoredGrant, other: StoredGrant): boolean =>
  Buffer.compare(one.ciphertext, other.ciphertext) === 0
