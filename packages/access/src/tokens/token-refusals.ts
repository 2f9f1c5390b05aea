import { ForbiddenError, UnauthenticatedError, UnavailableError } from '@mreg/core'

/** The token is not one that lets anybody in here. `why` goes on after "the token", and holds nothing of it. */
export const tokenInvalid = (why: string): UnauthenticatedError =>
  new UnauthenticatedError('token_invalid', `the token ${why}`)

/** It was good once. */
export const tokenExpired = (): UnauthenticatedError =>
  new UnauthenticatedError('token_expired', 'the token has expired; get a new one')

/** It is good, for less than was asked for. */
export const scopeMissing = (scopes: readonly string[]): ForbiddenError =>
  new ForbiddenError(
    'insufficient_scope',
    `the token does not have the scope ${scopes.join(' ')}; get one that does`,
  )

/** It is good, and says nothing that gives a role here. */
export const roleMissing = (): ForbiddenError =>
  new ForbiddenError(
    'role_missing',
    'the identity provider knows you, but none of your roles and groups gives you a role here; oidc.roles in the settings file says which do',
  )

/** It is good, and is at home in no tenant of ours. */
export const tenantUnknown = (): ForbiddenError =>
  new ForbiddenError('tenant_unknown', 'the token names no tenant that there is here')

/** Nobody can say whether it is good. */
export const keysUnavailable = (retryAfterMs: number): UnavailableError =>
  new UnavailableError(
    'token_keys_unavailable',
    'the identity provider cannot be asked for its keys, so no token can be checked; keys of the gateway work',
    { retryAfterMs },
  )
