import { ConflictError, MregError, UnavailableError } from '@mreg/core'
import { type AuthorizationServer, processDiscoveryResponse } from 'oauth4webapi'

import { requireOAuthAddress } from './oauth-address.ts'
import type { OAuthFetch } from './oauth-fetch.ts'

/** Metadata of an authorization server that can do what a login needs. */
export type UsableAuthorizationServer = AuthorizationServer & {
  readonly authorization_endpoint: string
  readonly token_endpoint: string
}

/**
 * Reads the metadata of an authorization server (RFC 8414, else OpenID Connect Discovery), which must name the issuer
 * that was asked for, and must take PKCE with S256.
 *
 * @throws {ConflictError} `login_not_offered`: there is none. `login_metadata_invalid`: it is another's.
 *   `login_unsupported`: it cannot do what is needed.
 * @throws {ForbiddenError} `login_address_refused`.
 * @throws {UnavailableError} `login_server_unreachable`.
 */
export const discoverAuthorizationServer = async (
  fetch: OAuthFetch,
  issuer: string,
  serverUrl: string,
): Promise<UsableAuthorizationServer> => {
  const identifier = requireOAuthAddress(issuer, serverUrl)
  for (const url of metadataUrls(identifier)) {
    const response = await fetch(url, { headers: { accept: 'application/json' } })
    if (response.status === 200) return requireUsable(await readMetadata(identifier, response), serverUrl)
    if (response.status >= 500) {
      throw new UnavailableError(
        'login_server_unreachable',
        `the authorization server ${identifier.origin} answered with HTTP ${response.status}`,
      )
    }
  }
  throw new ConflictError(
    'login_not_offered',
    `the server does not say how to log in: there is no authorization server at ${identifier.origin}; if it takes a key, register it with that header`,
  )
}

/** Where the metadata may be, in the order of the MCP specification. */
export const metadataUrls = ({ origin, pathname }: URL): readonly string[] => {
  const path = pathname.replace(/\/$/u, '')
  const inserted = ['oauth-authorization-server', 'openid-configuration'].map(
    (name) => `${origin}/.well-known/${name}${path}`,
  )
  return path === '' ? inserted : [...inserted, `${origin}${path}/.well-known/openid-configuration`]
}

const readMetadata = async (identifier: URL, response: Response): Promise<AuthorizationServer> => {
  try {
    return await processDiscoveryResponse(identifier, response)
  } catch (error) {
    if (MregError.is(error)) throw error
    // The library's error holds the answer, so it is not passed on.
    throw new ConflictError(
      'login_metadata_invalid',
      `the metadata at ${identifier.origin} is not that of the authorization server that the server names`,
    )
  }
}

const requireUsable = (server: AuthorizationServer, serverUrl: string): UsableAuthorizationServer => {
  const { authorization_endpoint: authorizationEndpoint, token_endpoint: tokenEndpoint } = server
  const unsupported = (what: string): ConflictError =>
    new ConflictError(
      'login_unsupported',
      `the authorization server ${new URL(server.issuer).origin} ${what}`,
    )
  if (authorizationEndpoint === undefined || tokenEndpoint === undefined)
    throw unsupported('does not do logins in the browser')
  if (server.code_challenge_methods_supported?.includes('S256') !== true)
    throw unsupported('does not say that it takes PKCE with S256, without which a login is not safe')
  // It is opened in a browser: nothing but a web address may come out of here.
  requireOAuthAddress(authorizationEndpoint, serverUrl)
  requireOAuthAddress(tokenEndpoint, serverUrl)
  return { ...server, authorization_endpoint: authorizationEndpoint, token_endpoint: tokenEndpoint }
}
