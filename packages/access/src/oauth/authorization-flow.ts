import { ForbiddenError, ValidationError } from '@mreg/core'
import {
  AuthorizationResponseError,
  calculatePKCECodeChallenge,
  generateRandomCodeVerifier,
  generateRandomState,
  validateAuthResponse,
} from 'oauth4webapi'

import { discoverAuthorizationServer, type UsableAuthorizationServer } from './authorization-server.ts'
import { askForChallenge } from './challenge.ts'
import type { GrantContent } from './grant-vault.ts'
import type { LoginNetwork } from './login-network.ts'
import { obtainClient, type OAuthClient } from './oauth-client.ts'
import { createOAuthFetch } from './oauth-fetch.ts'
import { discoverProtectedResource } from './protected-resource.ts'
import { errorName, exchangeCode } from './tokens.ts'

export interface BeginFlowOptions {
  readonly network: LoginNetwork
  /** The MCP server to log in for. */
  readonly serverUrl: string
  readonly redirectUri: string
  /** A client that was registered by hand; undefined: the gateway makes itself known. */
  readonly clientId?: string | undefined
  /** The secret of that client; undefined: it has none. */
  readonly clientSecret?: string | undefined
  readonly metadataDocumentUrl?: string | undefined
  /** The login that there is; what it is good for is asked for again. undefined: there is none. */
  readonly held?: Pick<GrantContent, 'resource' | 'issuer' | 'scopes'> | undefined
}

/** A login between its two halves. Holds secrets: it stays in memory. */
export interface OpenFlow {
  readonly serverUrl: string
  /** What the person opens in a browser. */
  readonly authorizationUrl: string
  readonly resource: string
  readonly server: UsableAuthorizationServer
  readonly client: OAuthClient
  readonly redirectUri: string
  readonly state: string
  readonly codeVerifier: string
  /** What is asked for. */
  readonly scopes: readonly string[]
}

/** What the redirect brought back. */
export interface AuthorizationAnswer {
  readonly state: string
  readonly code?: string | undefined
  /** The error in place of a code. */
  readonly error?: string | undefined
  /** Who answers (RFC 9207). */
  readonly iss?: string | undefined
}

/**
 * Finds out how to log in for a server, and begins: authorization code with PKCE S256 (OAuth 2.1), for exactly this
 * server (RFC 8707). It asks for what the server wants now and for what the login that there is, is good for, so that
 * nothing is lost by another one.
 *
 * @throws {ConflictError} `login_not_offered`, `login_metadata_invalid`, `login_unsupported` or `login_client_needed`.
 * @throws {ForbiddenError} `login_address_refused` or `login_refused`.
 * @throws {UnavailableError} `login_server_unreachable`.
 */
export const beginFlow = async ({
  network,
  serverUrl,
  redirectUri,
  clientId,
  clientSecret,
  metadataDocumentUrl,
  held,
}: BeginFlowOptions): Promise<OpenFlow> => {
  const fetch = createOAuthFetch(network, serverUrl)
  const challenge = await askForChallenge(network.http, serverUrl)
  const { resource, issuer, scopes } = await discoverProtectedResource(fetch, serverUrl, challenge)
  const server = await discoverAuthorizationServer(fetch, issuer, serverUrl)
  const client = await obtainClient(fetch, server, {
    redirectUri,
    clientId,
    clientSecret,
    metadataDocumentUrl,
  })
  const state = generateRandomState()
  const codeVerifier = generateRandomCodeVerifier()
  const isSame = held?.resource === resource && held.issuer === server.issuer
  const wanted = challenge.scope?.split(' ') ?? scopes ?? []
  const asked = scopesToAsk([...((isSame && held.scopes) || []), ...wanted], server)
  const url = new URL(server.authorization_endpoint)
  const parameters = {
    response_type: 'code',
    client_id: client.clientId,
    redirect_uri: redirectUri,
    state,
    code_challenge: await calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
    resource,
    ...scopeParameters(asked),
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return {
    serverUrl,
    authorizationUrl: url.href,
    resource,
    server,
    client,
    redirectUri,
    state,
    codeVerifier,
    scopes: asked,
  }
}

/** With `offline_access` where the server knows it: some give a refresh token only then, and only after consent. */
const scopesToAsk = (
  wanted: readonly string[],
  { scopes_supported: supported }: UsableAuthorizationServer,
): readonly string[] => {
  const names = new Set(wanted.filter((name) => name !== ''))
  if (supported?.includes('offline_access') === true) names.add('offline_access')
  return [...names]
}

const scopeParameters = (scopes: readonly string[]): Record<string, string> => ({
  ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  ...(scopes.includes('offline_access') ? { prompt: 'consent' } : {}),
})

/**
 * Takes the answer of the authorization server and gets the tokens.
 *
 * @throws {ValidationError} `login_state_mismatch` or `login_issuer_mismatch`: the answer is not to this login, or comes
 *   from somebody else.
 * @throws {ForbiddenError} `login_refused`.
 * @throws {UnavailableError} `login_server_unreachable`.
 */
export const finishFlow = async (
  network: LoginNetwork,
  flow: OpenFlow,
  answer: AuthorizationAnswer,
): Promise<GrantContent> => {
  const { server, client, redirectUri, codeVerifier, resource } = flow
  const callback = validated(flow, answer)
  const fetch = createOAuthFetch(network, flow.serverUrl)
  const tokens = await exchangeCode(
    { fetch, server, client, resource },
    { callback, redirectUri, codeVerifier },
  )
  // Without a word about it, what was asked for was given (RFC 6749, section 5.1).
  const scopes = tokens.scopes ?? flow.scopes
  return { resource, issuer: server.issuer, tokenEndpoint: server.token_endpoint, client, tokens, scopes }
}

const validated = ({ server, client, state }: OpenFlow, answer: AuthorizationAnswer): URLSearchParams => {
  if (answer.state !== state) {
    throw new ValidationError([{ path: 'state', message: 'does not belong to this login; begin again' }], {
      code: 'login_state_mismatch',
    })
  }
  const parameters = new URLSearchParams(
    Object.entries(answer).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
  try {
    return validateAuthResponse(server, { client_id: client.clientId }, parameters, state)
  } catch (error) {
    if (error instanceof AuthorizationResponseError) {
      throw new ForbiddenError(
        'login_refused',
        `the authorization server refused the login (${errorName(error.error)})`,
      )
    }
    // The state is right, so it is the issuer: the answer of one server must not be taken for that of another.
    throw new ValidationError(
      [{ path: 'iss', message: 'is not the authorization server that was asked; begin again' }],
      { code: 'login_issuer_mismatch' },
    )
  }
}
