export { Authenticator, type AuthenticatorOptions, type Door, type TokenVerifier } from './authenticator.ts'
export { type Caller, Callers } from './callers.ts'

// API keys
export { ApiKeyHasher } from './api-keys/api-key-hasher.ts'
export {
  type ApiKeyChange,
  type ApiKeyInput,
  apiKeyInputSchema,
  apiKeyPatchSchema,
  type ApiKeyRotation,
  apiKeyRotationSchema,
} from './api-keys/api-key-input.ts'
export type { ApiKeyView, IssuedApiKey } from './api-keys/api-key-view.ts'
export { ApiKeys, type ApiKeysOptions } from './api-keys/api-keys.ts'
export { ApiKeyUses, type ApiKeyUsesOptions } from './api-keys/api-key-uses.ts'
export {
  type ApiKeyFinding,
  type ApiKeyStanding,
  type KnownApiKey,
  KnownApiKeys,
} from './api-keys/known-api-keys.ts'
export { KnownPolicies, type KnownPolicy, type TenantPolicies } from './policies/known-policies.ts'
export { Policies, type PoliciesOptions } from './policies/policies.ts'
export {
  type PolicyChange,
  type PolicyInput,
  policyInputSchema,
  policyPatchSchema,
} from './policies/policy-input.ts'
export type { PolicyView } from './policies/policy-view.ts'
export { AccessControl, type AccessControlOptions } from './rules/access-control.ts'
export {
  AccessLimits,
  type AccessRefusal,
  type AccessTarget,
  type AccessVerdict,
  type NamedRules,
} from './rules/access-limits.ts'
export {
  type AccessRules,
  accessRulesSchema,
  type ArgumentCondition,
  type Selection,
} from './rules/access-rules.ts'
export {
  type TenantInput,
  tenantInputSchema,
  Tenants,
  type TenantsOptions,
  type TenantView,
} from './tenants/tenants.ts'

// Who did what
export { type ArgumentsAudit, ArgumentsAuditor } from './audit/audit-arguments.ts'
export { AuditLog, type AuditQuery, type AuditView } from './audit/audit-log.ts'
export { AuditSpool, type AuditSpoolOptions, type TenantAuditEvent } from './audit/audit-spool.ts'
export {
  type AuditFigures,
  AuditTrail,
  type AuditTrailOptions,
  type NewAuditEvent,
} from './audit/audit-trail.ts'

// How often and how much at once
export { FairShare, type Party } from './limits/fair-share.ts'
export { leaseOf } from './limits/leased-bucket.ts'
export { RateLimiter, type RateLimiterOptions } from './limits/rate-limiter.ts'
export { RefusedAttempts, type RefusedAttemptsOptions } from './limits/refused-attempts.ts'
export {
  type LimitedCall,
  type LimitRefusal,
  RATE_DIMENSIONS,
  type RateDimension,
  type RateSettings,
  type RefusalFigures,
  RequestLimits,
  type RequestLimitsOptions,
} from './limits/request-limits.ts'
export type { LeaseFigures, Rate, SharedTokens } from './limits/shared-tokens.ts'

// Keys of the process and what they seal
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
export {
  GRANT_PRINCIPAL,
  type GrantDelta,
  UpstreamGrants,
  type UpstreamGrantsOptions,
} from './oauth/upstream-grants.ts'
export {
  type BegunLogin,
  type LoginInput,
  UpstreamLogins,
  type UpstreamLoginsOptions,
} from './oauth/upstream-logins.ts'
