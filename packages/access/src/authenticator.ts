import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

import { DEFAULT_TENANT, LOCAL_PRINCIPAL, type Principal, UnauthenticatedError } from '@mreg/core'

import { type KnownApiKeys, LONGEST_TIMER_MS } from './api-keys/known-api-keys.ts'

/** Which door a request came through. */
export type Door = 'api' | 'mcp'

/** Knows the tokens of an identity provider. */
export interface TokenVerifier {
  /**
   * @param audience the address that the token was sent to.
   * @returns undefined: it is not the shape of token that is known here. Without a promise when it is known already.
   * @throws {UnauthenticatedError} `token_invalid` or `token_expired`.
   * @throws {ForbiddenError} `insufficient_scope`, `tenant_unknown` or `role_missing`.
   * @throws {UnavailableError} `token_keys_unavailable`.
   */
  verify(token: string, audience: string | undefined): Principal | Promise<Principal | undefined> | undefined
}

export interface AuthenticatorOptions {
  readonly adminKey: string
  /** About `/mcp` only: `none` lets everyone in as `local`; `/api` always needs a key. */
  readonly mode: 'none' | 'required'
  /** undefined: there is no key but the administrator's. */
  readonly apiKeys?: KnownApiKeys | undefined
  /** undefined: no tokens are known. */
  readonly tokens?: TokenVerifier | undefined
  /**
   * Whether keys may still be honoured that may have been revoked without our knowing: false when the database has not been
   * heard of for too long. Default always.
   */
  readonly areKeysCurrent?: (() => boolean) | undefined
}

/** Whoever comes with the administrator's key. */
export const ADMINISTRATOR: Principal = Object.freeze({
  id: 'admin',
  tenantId: DEFAULT_TENANT,
  role: 'admin',
  kind: 'key',
})

/** Longer than any token that is taken. A request with more is refused unread. */
const MAX_TOKEN_LENGTH = 16_384

/** Says who is asking. */
export class Authenticator {
  readonly #options: AuthenticatorOptions
  readonly #salt = randomBytes(32)
  readonly #adminDigest: Buffer

  constructor(options: AuthenticatorOptions) {
    this.#options = options
    this.#adminDigest = this.#digest(options.adminKey)
  }

  /**
   * @param authorization the value of the `Authorization` header; undefined when there is none.
   * @param audience the address that was called, for tokens that are good for one only; undefined: they are not.
   * @returns without a promise when nothing had to be waited for, which is so for keys.
   * @throws {UnauthenticatedError} `key_missing`, `key_invalid`, `key_expired`, `key_revoked`, `keys_not_current`, `token_invalid`
   *   or `token_expired`.
   * @throws {ForbiddenError} `insufficient_scope`, `tenant_unknown` or `role_missing`: the token is good, and not for this.
   * @throws {UnavailableError} `token_keys_unavailable`.
   */
  authenticate(
    door: Door,
    authorization: string | undefined,
    audience?: string,
  ): Principal | Promise<Principal> {
    const isOpen = this.#isOpen(door)
    if (authorization === undefined) {
      if (isOpen) return LOCAL_PRINCIPAL
      throw keyMissing()
    }
    const token = tokenOf(authorization)
    if (token !== undefined && timingSafeEqual(this.#digest(token), this.#adminDigest)) return ADMINISTRATOR
    const finding = token === undefined ? undefined : this.#options.apiKeys?.check(token)
    if (finding?.kind === 'good') {
      const outdated = this.#keysOutdated()
      if (outdated !== undefined) throw outdated
      return finding.key.principal
    }
    // A client may carry a token that is meant for something else; where no key is needed it does no harm.
    if (isOpen) return LOCAL_PRINCIPAL
    if (finding !== undefined || token === undefined || this.#options.tokens === undefined)
      throw refusalOf(finding?.kind)
    const verified = this.#options.tokens.verify(token, audience)
    return verified instanceof Promise ? verified.then(known) : known(verified)
  }

  /** Is aborted when what lets a principal in has changed or ended; undefined: it does not while the process runs. */
  endOf({ expiresAt, keyId }: Principal): AbortSignal | undefined {
    if (expiresAt !== undefined) return endAt(expiresAt)
    return keyId === undefined ? undefined : this.#options.apiKeys?.endOf(keyId)
  }

  /** Why a principal would not be let in at a door as things are; undefined: it would be. */
  refusalOf(door: Door, { keyId, kind }: Principal): UnauthenticatedError | undefined {
    if (kind === 'local') return this.#isOpen(door) ? undefined : keyMissing()
    if (keyId === undefined) return undefined
    const { apiKeys } = this.#options
    const record = apiKeys?.byId(keyId)?.record
    const standing = record === undefined ? undefined : apiKeys?.stateOf(record)
    return standing === 'good' ? this.#keysOutdated() : refusalOf(standing)
  }

  #isOpen(door: Door): boolean {
    return door === 'mcp' && this.#options.mode === 'none'
  }

  #keysOutdated(): UnauthenticatedError | undefined {
    if (this.#options.areKeysCurrent?.() !== false) return undefined
    return new UnauthenticatedError(
      'keys_not_current',
      'the gateway has not reached its database for too long to know whether the key is still good; the administrator’s key works',
    )
  }

  /** Keys are compared as digests under a random key, so that the comparison takes the same time for all. */
  #digest(key: string): Buffer {
    return createHmac('sha256', this.#salt).update(key).digest()
  }
}

const known = (principal: Principal | undefined): Principal => {
  if (principal === undefined) throw refusalOf(undefined)
  return principal
}

const endAt = (date: Date): AbortSignal =>
  AbortSignal.timeout(Math.min(Math.max(0, date.getTime() - Date.now()), LONGEST_TIMER_MS))

const tokenOf = (authorization: string): string | undefined =>
  authorization.length > MAX_TOKEN_LENGTH ? undefined : /^Bearer +([\w.~+/=-]+) *$/iu.exec(authorization)?.[1]

const keyMissing = (): UnauthenticatedError =>
  new UnauthenticatedError('key_missing', 'send a key as "Authorization: Bearer …"')

const refusalOf = (found: 'unknown' | 'expired' | 'revoked' | undefined): UnauthenticatedError => {
  if (found === 'expired')
    return new UnauthenticatedError('key_expired', 'the key has expired; ask for a new one')
  if (found === 'revoked')
    return new UnauthenticatedError('key_revoked', 'the key was revoked; ask for a new one')
  return new UnauthenticatedError('key_invalid', 'the key is not known here')
}
