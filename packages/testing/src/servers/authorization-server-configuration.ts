import type { Configuration } from 'oidc-provider'

import type { AuthorizationServerOptions } from './authorization-server.ts'

/** What every resource may be asked for. */
export const SCOPES = 'mcp:use mcp:write'

/** How the provider is set up: the code flow with PKCE for public clients, and tokens for one resource each. */
export const configuration = ({
  registration,
  clients,
  accessTokenSeconds,
  tokenClaims,
}: {
  readonly registration: boolean
  readonly clients: NonNullable<AuthorizationServerOptions['clients']>
  readonly accessTokenSeconds: number
  readonly tokenClaims: AuthorizationServerOptions['tokenClaims']
}): Configuration => ({
  clients: clients.map(({ clientId, redirectUris }) => ({
    client_id: clientId,
    redirect_uris: [...redirectUris],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: 'native',
  })),
  clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post'],
  cookies: { keys: ['only for tests'] },
  features: {
    devInteractions: { enabled: false },
    registration: { enabled: registration },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => [],
      useGrantedResource: () => true,
      getResourceServerInfo: (_context, resource) => ({
        scope: SCOPES,
        audience: resource,
        accessTokenFormat: tokenClaims === undefined ? 'opaque' : 'jwt',
        accessTokenTTL: accessTokenSeconds,
      }),
    },
  },
  extraTokenClaims: () => tokenClaims?.(),
  findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
  pkce: { required: () => true },
  rotateRefreshToken: true,
  // Clients that register may name them too.
  scopes: ['openid', 'offline_access', ...SCOPES.split(' ')],
  ttl: {
    AccessToken: accessTokenSeconds,
    Interaction: 600,
    Session: 600,
    Grant: 86_400,
    RefreshToken: 86_400,
  },
})
