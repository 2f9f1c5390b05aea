import { ForbiddenError, MregError, UnavailableError } from '@mreg/core'
import {
  type AuthorizationServer,
  authorizationCodeGrantRequest,
  processAuthorizationCodeResponse,
  processRefreshTokenResponse,
  refreshTokenGrantRequest,
  ResponseBodyError,
  type TokenEndpointResponse,
} from 'oauth4webapi'

import { authenticationOf, type OAuthClient, through } from './oauth-client.ts'
import type { OAuthFetch } from './oauth-fetch.ts'

/** What a token endpoint gave. */
export interface Tokens {
  readonly accessToken: string
  readonly refreshToken?: string | undefined
  /** When they were given, in milliseconds since 1970. */
  readonly obtainedAt: number
  /** When the access token expires, in milliseconds since 1970; undefined when that is not known. */
  readonly expiresAt?: number | undefined
  /** What they are good for; undefined when the server did not say. */
  readonly scopes?: readonly string[] | undefined
}

/** Whom to ask for tokens, as whom, and for what. */
export interface TokenRequest {
  readonly fetch: OAuthFetch
  readonly server: AuthorizationServer
  readonly client: OAuthClient
  readonly resource: string
  readonly signal?: AbortSignal | undefined
}

/** The authorization server does not take the refresh token (any more): only a new login helps. */
export class GrantRejectedError extends ForbiddenError {
  constructor(origin: string) {
    super('login_expired', `the authorization server ${origin} has ended the login; log in again`)
  }

  static override is(error: unknown): error is GrantRejectedError {
    return ForbiddenError.is(error) && error.code === 'login_expired'
  }
}

/**
 * Exchanges the code of a login for tokens.
 *
 * @param callback the parameters of the redirect, as `validateAuthResponse` gave them.
 * @throws {ForbiddenError} `login_refused`.
 * @throws {UnavailableError} `login_server_unreachable`.
 */
export const exchangeCode = async (
  { fetch, server, client, resource, signal }: TokenRequest,
  {
    callback,
    redirectUri,
    codeVerifier,
  }: {
    readonly callback: URLSearchParams
    readonly redirectUri: string
    readonly codeVerifier: string
  },
): Promise<Tokens> => {
  const known = { client_id: client.clientId }
  try {
    const response = await authorizationCodeGrantRequest(
      server,
      known,
      authenticationOf(client),
      callback,
      redirectUri,
      codeVerifier,
      { ...through(fetch), additionalParameters: { resource }, ...(signal === undefined ? {} : { signal }) },
    )
    return tokensOf(await processAuthorizationCodeResponse(server, known, response))
  } catch (error) {
    throw tokenFailure(error, server)
  }
}

/**
 * Gets new tokens with a refresh token. A server that rotates gives a new refresh token too; else the old one stays.
 *
 * @throws {GrantRejectedError} the refresh token is not good any more.
 * @throws {ForbiddenError} `login_refused`.
 * @throws {UnavailableError} `login_server_unreachable`.
 */
export const refreshTokens = async (
  { fetch, server, client, resource, signal }: TokenRequest,
  refreshToken: string,
): Promise<Tokens> => {
  const known = { client_id: client.clientId }
  try {
    const response = await refreshTokenGrantRequest(server, known, authenticationOf(client), refreshToken, {
      ...through(fetch),
      additionalParameters: { resource },
      ...(signal === undefined ? {} : { signal }),
    })
    return { refreshToken, ...tokensOf(await processRefreshTokenResponse(server, known, response)) }
  } catch (error) {
    const isRejected =
      error instanceof ResponseBodyError && ['invalid_grant', 'invalid_client'].includes(error.error)
    if (isRejected) throw new GrantRejectedError(new URL(server.issuer).origin)
    throw tokenFailure(error, server)
  }
}

/** What a header can carry (RFC 6750, section 2.1). */
const TOKEN = /^[\w.~+/=-]{1,16384}$/u

const tokensOf = (response: TokenEndpointResponse): Tokens => {
  const obtainedAt = Date.now()
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn } = response
  if (response.token_type !== 'bearer' || !TOKEN.test(accessToken))
    throw new ForbiddenError('login_refused', 'the authorization server gave a token of an unknown kind')
  return {
    accessToken,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    obtainedAt,
    ...(expiresIn === undefined ? {} : { expiresAt: obtainedAt + Math.max(0, expiresIn) * 1000 }),
    ...(response.scope === undefined ? {} : { scopes: response.scope.split(' ') }),
  }
}

/** The library's errors hold what was sent and answered; only the name of the fault is passed on. */
const tokenFailure = (error: unknown, server: AuthorizationServer): MregError => {
  if (MregError.is(error)) return error
  const { origin } = new URL(server.issuer)
  if (error instanceof ResponseBodyError) {
    if (error.status >= 500 || error.status === 429)
      return new UnavailableError('login_server_unreachable', `${origin} answered with HTTP ${error.status}`)
    return new ForbiddenError(
      'login_refused',
      `the authorization server ${origin} gives no token (${errorName(error.error)})`,
    )
  }
  return new UnavailableError(
    'login_server_unreachable',
    `the token endpoint of ${origin} did not answer as it should`,
  )
}

/** An OAuth error code, if it looks like one: it comes from outside. */
export const errorName = (error: string): string =>
  /^[a-z_]{1,64}$/u.test(error) ? error : 'no known reason'
