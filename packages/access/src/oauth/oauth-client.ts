import { ConflictError, ForbiddenError, MregError } from '@mreg/core'
import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretPost,
  customFetch,
  dynamicClientRegistrationRequest,
  None,
  processDynamicClientRegistrationResponse,
} from 'oauth4webapi'

import type { UsableAuthorizationServer } from './authorization-server.ts'
import type { OAuthFetch } from './oauth-fetch.ts'

/** How the gateway is known to an authorization server. */
export interface OAuthClient {
  readonly clientId: string
  /** undefined: a public client. */
  readonly clientSecret?: string | undefined
  readonly authMethod: 'none' | 'client_secret_basic' | 'client_secret_post'
}

export interface ObtainClientOptions {
  readonly redirectUri: string
  /** A client that was registered by hand; undefined: the gateway makes itself known. */
  readonly clientId: string | undefined
  /** The secret of that client; undefined: it has none. */
  readonly clientSecret?: string | undefined
  /** Where the gateway publishes its client metadata document; undefined: nowhere that others can see. */
  readonly metadataDocumentUrl: string | undefined
}

/** What the gateway says of itself to authorization servers. */
export const clientMetadata = (
  redirectUris: readonly string[],
): {
  client_name: string
  redirect_uris: string[]
  grant_types: string[]
  response_types: string[]
  token_endpoint_auth_method: string
  application_type: string
} => ({
  client_name: 'MCP Registry Gateway',
  redirect_uris: [...redirectUris],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
  application_type: 'native',
})

/** The options of `oauth4webapi` for requests that go through `fetch`, which decides on addresses itself. */
export const through = (fetch: OAuthFetch): { [customFetch]: OAuthFetch; [allowInsecureRequests]: true } => ({
  [customFetch]: fetch,
  [allowInsecureRequests]: true,
})

/** How a client proves to the token endpoint who it is. */
export const authenticationOf = ({ authMethod, clientSecret = '' }: OAuthClient): ClientAuth => {
  if (authMethod === 'none') return None()
  return authMethod === 'client_secret_post' ? ClientSecretPost(clientSecret) : secretBasic(clientSecret)
}

/**
 * A secret in the `Authorization` header (RFC 6749, section 2.3.1). Form encoding leaves `-`, `.` and `_` as they are, which
 * matters to servers that do not decode.
 */
const secretBasic =
  (clientSecret: string): ClientAuth =>
  (_server, { client_id: clientId }, _body, headers) => {
    const pair = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`)
  }

const formEncoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1)

/**
 * A client of an authorization server: the one that was given, else the gateway's client metadata document where the
 * server reads those, else one that is registered now (RFC 7591).
 *
 * @throws {ConflictError} `login_client_needed`: it lets nobody register.
 * @throws {ForbiddenError} `login_refused`: it refuses the registration.
 */
export const obtainClient = async (
  fetch: OAuthFetch,
  server: UsableAuthorizationServer,
  { redirectUri, clientId, clientSecret, metadataDocumentUrl }: ObtainClientOptions,
): Promise<OAuthClient> => {
  if (clientId !== undefined && clientSecret !== undefined)
    return { clientId, clientSecret, authMethod: secretMethod(server) }
  if (clientId !== undefined) return { clientId, authMethod: 'none' }
  if (metadataDocumentUrl !== undefined && server['client_id_metadata_document_supported'] === true)
    return { clientId: metadataDocumentUrl, authMethod: 'none' }
  const { origin } = new URL(server.issuer)
  if (server.registration_endpoint === undefined) {
    throw new ConflictError(
      'login_client_needed',
      `the authorization server ${origin} registers no clients by itself; register one there with the redirect URI ${redirectUri.replace(/:\d+\//u, ':PORT/')} and give its client id`,
    )
  }
  try {
    const wanted = { ...clientMetadata([redirectUri]), token_endpoint_auth_method: preferredMethod(server) }
    const response = await dynamicClientRegistrationRequest(server, wanted, through(fetch))
    const client = await processDynamicClientRegistrationResponse(await withSecretExpiry(response))
    const secret = client['client_secret']
    return {
      clientId: client.client_id,
      ...(typeof secret === 'string' && secret !== '' ? { clientSecret: secret } : {}),
      authMethod:
        typeof secret === 'string' && secret !== '' ? methodOf(client['token_endpoint_auth_method']) : 'none',
    }
  } catch (error) {
    if (MregError.is(error)) throw error
    // The library's error holds the answer, and with it perhaps a secret.
    throw new ForbiddenError(
      'login_refused',
      `the authorization server ${origin} refuses to register this gateway as a client; register one there and give its client id`,
    )
  }
}

/** Servers that give a secret for ever leave out when it expires, which RFC 7591, section 3.2.1, wants to be 0 then. */
const withSecretExpiry = async (response: Response): Promise<Response> => {
  const { headers, status } = response
  const text = await response.text()
  const body: unknown = status === 201 ? JSON.parse(text) : undefined
  const lacksIt =
    typeof body === 'object' &&
    body !== null &&
    'client_secret' in body &&
    !('client_secret_expires_at' in body)
  return new Response(lacksIt ? JSON.stringify({ ...body, client_secret_expires_at: 0 }) : text, {
    headers,
    status,
  })
}

const preferredMethod = ({
  token_endpoint_auth_methods_supported: supported,
}: UsableAuthorizationServer): string =>
  ['none', 'client_secret_post', 'client_secret_basic'].find((method) => supported?.includes(method)) ??
  'none'

/** How a secret is sent: as the server wants it, and by its metadata's default (RFC 8414, section 2) if it does not say. */
const secretMethod = ({
  token_endpoint_auth_methods_supported: supported = ['client_secret_basic'],
}: UsableAuthorizationServer): OAuthClient['authMethod'] =>
  supported.includes('client_secret_post') && !supported.includes('client_secret_basic')
    ? 'client_secret_post'
    : 'client_secret_basic'

const methodOf = (method: unknown): OAuthClient['authMethod'] =>
  method === 'client_secret_post' || method === 'none' ? method : 'client_secret_basic'
