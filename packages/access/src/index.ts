export { Authenticator, type AuthenticatorOptions, type Door } from './authenticator.ts'
export {
  type CredentialOwner,
  CredentialVault,
  type EndpointCredentials,
  type SealedCredentials,
} from './credential-vault.ts'
export { type GatewayKeys, loadKeys, type LoadKeysOptions } from './key-files.ts'
export { KeyRing, type Sealer, UnsealError } from './key-ring.ts'

// Logging in for MCP servers: the gateway as an OAuth client
export {
  type AuthorizationAnswer,
  beginFlow,
  type BeginFlowOptions,
  finishFlow,
  type OpenFlow,
} from './oauth/authorization-flow.ts'
export { type GrantContent, type GrantOwner, GrantVault } from './oauth/grant-vault.ts'
export { createLoginNetwork, type LoginNetwork, type LoginNetworkOptions } from './oauth/login-network.ts'
export { clientMetadata, type OAuthClient } from './oauth/oauth-client.ts'
export { GrantRejectedError, type Tokens } from './oauth/tokens.ts'
export { type GrantDelta, UpstreamGrants, type UpstreamGrantsOptions } from './oauth/upstream-grants.ts'
export {
  type BegunLogin,
  type LoginInput,
  UpstreamLogins,
  type UpstreamLoginsOptions,
} from './oauth/upstream-logins.ts'
