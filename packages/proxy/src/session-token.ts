import { randomUUID } from 'node:crypto'

import type { Principal } from '@mreg/core'
import type { JsonObject } from '@mreg/upstream'

/** Encrypts and authenticates; `access` has the real one. */
export interface TokenSealer {
  seal(plaintext: Uint8Array, associatedData: string): Uint8Array
  open(sealed: Uint8Array, associatedData: string): Uint8Array
}

/** What a session token says. Nothing of it needs a look-up. */
export interface SessionClaims {
  /** Identifies the session in this product; says nothing to anyone else. */
  readonly sessionId: string
  readonly principalId: string
  readonly tenantId: string
  readonly serverId: string
  /** The endpoint on which the session was opened; another one opens it again. */
  readonly endpointId: string
  /** The protocol version that was agreed on. */
  readonly protocolVersion: string
  /** What the client declared when it initialised; used to open the upstream's session again. */
  readonly clientCapabilities: JsonObject
  readonly clientInfo: JsonObject
  /** The upstream's own session, as it was at the start; undefined when the upstream keeps none. */
  readonly upstreamSessionId: string | undefined
  /** `modern`: the server speaks only the newer era, and the session is the gateway's own. undefined: it is the server's. */
  readonly upstreamEra?: 'modern' | undefined
  /** Milliseconds since 1970, by the wall clock: it must hold across machines and restarts. */
  readonly expiresAt: number
}

/** The longest token: headers are bounded to 16 KiB in all, and much of that is not ours. */
const MAXIMUM_TOKEN_LENGTH = 8192

/** How many opened tokens are remembered; one that is not is opened again. */
const REMEMBERED_TOKENS = 2000

/** A client declares more than fits into a token. */
export class SessionTokenTooLargeError extends Error {
  readonly code = 'ERR_SESSION_TOKEN_TOO_LARGE'

  constructor() {
    super('What the client declares in capabilities and clientInfo is too large for a session.')
    this.name = 'SessionTokenTooLargeError'
  }

  /** Whether `error` is a {@link SessionTokenTooLargeError}. */
  static is(error: unknown): error is SessionTokenTooLargeError {
    return error instanceof Error && 'code' in error && error.code === 'ERR_SESSION_TOKEN_TOO_LARGE'
  }
}

/**
 * Legacy sessions as sealed tokens: the `Mcp-Session-Id` that a client holds is the session. Any
 * gateway with the same key understands it, and a restart is not noticed.
 */
export class SessionTokens {
  readonly #sealer: TokenSealer
  readonly #lifetimeMs: number
  readonly #now: () => number
  readonly #opened = new Map<string, SessionClaims>()

  constructor(options: {
    readonly sealer: TokenSealer
    readonly lifetimeMs: number
    readonly now?: () => number
  }) {
    this.#sealer = options.sealer
    this.#lifetimeMs = options.lifetimeMs
    this.#now = options.now ?? Date.now
  }

  /**
   * Makes a token for a new session. It is visible ASCII, as the specification demands of a session id.
   *
   * @throws {SessionTokenTooLargeError}
   */
  issue(claims: Omit<SessionClaims, 'sessionId' | 'expiresAt'>): {
    readonly token: string
    readonly claims: SessionClaims
  } {
    const complete: SessionClaims = {
      ...claims,
      sessionId: randomUUID(),
      expiresAt: this.#now() + this.#lifetimeMs,
    }
    const sealed = this.#sealer.seal(Buffer.from(JSON.stringify(complete)), PURPOSE)
    const token = Buffer.from(sealed).toString('base64url')
    if (token.length > MAXIMUM_TOKEN_LENGTH) throw new SessionTokenTooLargeError()
    return { token, claims: complete }
  }

  /**
   * What `token` says, if it was issued to this principal for this server and has not expired;
   * undefined otherwise. Why not is nobody's business.
   */
  verify(token: string, principal: Principal, serverId: string): SessionClaims | undefined {
    const claims = this.#read(token)
    if (claims === undefined) return undefined
    const belongs =
      claims.principalId === principal.id &&
      claims.tenantId === principal.tenantId &&
      claims.serverId === serverId
    return belongs && claims.expiresAt > this.#now() ? claims : undefined
  }

  /** What a token says, whoever holds it. A client sends the same one with every request: it is opened once. */
  #read(token: string): SessionClaims | undefined {
    const known = this.#opened.get(token)
    if (known !== undefined) return known
    const claims = this.#open(token)
    if (claims === undefined) return undefined
    const [oldest] = this.#opened.keys()
    if (this.#opened.size >= REMEMBERED_TOKENS && oldest !== undefined) this.#opened.delete(oldest)
    this.#opened.set(token, claims)
    return claims
  }

  #open(token: string): SessionClaims | undefined {
    if (token.length > MAXIMUM_TOKEN_LENGTH) return undefined
    const sealed = Buffer.from(token, 'base64url')
    // Decoding overlooks what is no base64url; a token is one exact text.
    if (sealed.toString('base64url') !== token) return undefined
    try {
      const opened = this.#sealer.open(sealed, PURPOSE)
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- authenticated: `issue` wrote it
      return JSON.parse(Buffer.from(opened).toString()) as SessionClaims
    } catch {
      return undefined
    }
  }
}

const PURPOSE = 'mcp-session'
