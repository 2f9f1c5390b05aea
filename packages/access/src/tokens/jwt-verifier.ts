import type { Logger, Principal, SettingGroups } from '@mreg/core'
import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type ProtectedHeaderParameters,
} from 'jose'

import type { TokenVerifier } from '../authenticator.ts'
import type { LoginNetwork } from '../oauth/login-network.ts'
import { createOAuthFetch } from '../oauth/oauth-fetch.ts'
import { type Claims, principalFrom } from './claim-map.ts'
import { IssuerKeys, type KnownKeys } from './issuer-keys.ts'
import { tokenExpired, tokenInvalid } from './token-refusals.ts'
import { VerifiedTokens } from './verified-tokens.ts'

export interface JwtVerifierOptions {
  readonly oidc: SettingGroups['oidc'] & { readonly issuer: string }
  /** How the provider is reached. */
  readonly network: LoginNetwork
  /** Whether there is a tenant of that id. Asked for each token: it must wait for nothing. */
  readonly isTenant: (id: string) => boolean
  readonly logger?: Logger | undefined
  /** The time of day in milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** The last that a `Date` can say. */
const LAST_MS = 8.64e15

/** What says that a token is for letting its bearer in, and nothing else (RFC 9068, section 2.1; RFC 8725, section 3.11). */
const TYPES: ReadonlySet<string> = new Set(['at+jwt', 'application/at+jwt', 'jwt', 'application/jwt'])

/** A key that comes with the token, or an address where there might be one, proves nothing. */
const OWN_KEYS = ['jwk', 'jku', 'x5c', 'x5u'] as const

/** Knows the access tokens (JWT, RFC 9068) that one identity provider gives out for the gateway. */
export class JwtVerifier implements TokenVerifier {
  readonly #options: JwtVerifierOptions
  readonly #keys: IssuerKeys
  readonly #verified: VerifiedTokens
  readonly #now: () => number

  constructor(options: JwtVerifierOptions) {
    const { logger, network, oidc } = options
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#verified = new VerifiedTokens(this.#now)
    this.#keys = new IssuerKeys({
      issuer: oidc.issuer,
      fetch: createOAuthFetch(network, oidc.issuer),
      refreshMs: oidc.keysRefreshMs,
      maxStaleMs: oidc.keysMaxStaleMs,
      logger,
      now: options.now,
    })
  }

  /**
   * @throws {UnauthenticatedError} `token_invalid` or `token_expired`.
   * @throws {ForbiddenError} `insufficient_scope`, `tenant_unknown` or `role_missing`.
   * @throws {UnavailableError} `token_keys_unavailable`.
   */
  verify(
    token: string,
    audience: string | undefined,
  ): Principal | Promise<Principal | undefined> | undefined {
    const key = this.#verified.keyOf(token, audience)
    const known = this.#verified.find(key)
    if (known !== undefined) return known
    return isJws(token) ? this.#verify(token, audience, key) : undefined
  }

  async #verify(token: string, audience: string | undefined, key: string): Promise<Principal> {
    const header = this.#checkHeader(token)
    const known = await this.#keys.current()
    // Whoever did not issue it need not be asked for a key.
    if (read(() => decodeJwt(token)).iss !== known.issuer) throw tokenInvalid('was issued by somebody else')
    const claims = await this.#open(token, header, known, audience)
    if (claims['cnf'] !== undefined)
      throw tokenInvalid('is bound to a key of its client, which this gateway cannot check')
    const principal = Object.freeze<Principal>({
      ...principalFrom(claims, this.#options.oidc, this.#options.isTenant),
      kind: 'token',
      expiresAt: this.#endOf(claims),
    })
    return this.#verified.add(key, principal)
  }

  #checkHeader(token: string): ProtectedHeaderParameters {
    const header = read(() => decodeProtectedHeader(token))
    const { algorithms }: { readonly algorithms: readonly string[] } = this.#options.oidc
    if (header.alg === undefined || !algorithms.includes(header.alg))
      throw tokenInvalid('is not signed in a way that is taken here (oidc.algorithms)')
    if (OWN_KEYS.some((name) => header[name] !== undefined)) throw tokenInvalid('brings its own key')
    if (header.crit !== undefined) throw tokenInvalid('asks for something that is not known here (crit)')
    if (header.typ !== undefined && !TYPES.has(header.typ.toLowerCase()))
      throw tokenInvalid('is not an access token (typ)')
    return header
  }

  async #open(
    token: string,
    header: ProtectedHeaderParameters,
    known: KnownKeys,
    audience: string | undefined,
  ): Promise<Claims> {
    try {
      return await this.#check(token, known, audience)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || header.kid === undefined)
        throw this.#refusalOf(error, audience)
    }
    const newer = await this.#keys.newerThan(known)
    if (newer === undefined) throw tokenInvalid(UNKNOWN_KEY)
    try {
      return await this.#check(token, newer, audience)
    } catch (error) {
      throw this.#refusalOf(error, audience)
    }
  }

  async #check(token: string, known: KnownKeys, audience: string | undefined): Promise<JWTPayload> {
    const { algorithms, audiences, clockToleranceMs } = this.#options.oidc
    const wanted = audiences.length > 0 ? [...audiences] : [audience ?? '']
    if (wanted[0] === '') throw tokenInvalid('is good for one address only, and this is none')
    const { payload } = await jwtVerify(token, known.keys, {
      algorithms: [...algorithms],
      audience: wanted,
      clockTolerance: clockToleranceMs / 1000,
      currentDate: new Date(this.#now()),
      issuer: known.issuer,
      requiredClaims: ['exp'],
    })
    return payload
  }

  /** When the token is over here: as late as another clock may say so. */
  #endOf({ exp }: Claims): Date {
    const atMs = (typeof exp === 'number' ? exp : 0) * 1000 + this.#options.oidc.clockToleranceMs
    return new Date(Math.min(atMs, LAST_MS))
  }

  /** What the library found, in our words: its errors hold the claims. */
  #refusalOf(error: unknown, audience: string | undefined): unknown {
    if (!(error instanceof errors.JOSEError)) return error
    if (error instanceof errors.JWTExpired) return tokenExpired()
    if (error instanceof errors.JWTClaimValidationFailed) {
      if (error.claim === 'aud') {
        const { audiences } = this.#options.oidc
        return tokenInvalid(`is not for ${audiences.length > 0 ? audiences.join(' or ') : audience}`)
      }
      if (error.claim === 'nbf') return tokenInvalid('is not yet good')
      return tokenInvalid(`says nothing usable as ${JSON.stringify(error.claim)}`)
    }
    if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
      return tokenInvalid(UNKNOWN_KEY)
    return tokenInvalid('does not hold what its signature says')
  }
}

const UNKNOWN_KEY = 'is signed with a key that the identity provider does not publish'

const isJws = (token: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]*$/u.test(token)

/** What the library cannot read is no token. */
const read = <Part>(decode: () => Part): Part => {
  try {
    return decode()
  } catch {
    throw tokenInvalid('cannot be read')
  }
}
