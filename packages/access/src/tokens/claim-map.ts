import { DEFAULT_TENANT, type Principal, type Role, type SettingGroups } from '@mreg/core'

import { roleMissing, scopeMissing, tenantUnknown, tokenInvalid } from './token-refusals.ts'

/** How the claims of a token become a principal: the group `oidc` of the settings file. */
export type ClaimMap = Pick<
  SettingGroups['oidc'],
  'principalClaim' | 'tenantClaim' | 'tenants' | 'roleClaims' | 'roles' | 'defaultRole' | 'scopes'
>

/** The content of a token. */
export type Claims = Readonly<Record<string, unknown>>

/** Widest first: who has several gets the first. */
const ROLES: readonly Role[] = ['admin', 'operator', 'user', 'readonly']

/** These hold their values in one text, with blanks between (RFC 8693, section 4.2; `scp` is Microsoft's). */
const SCOPE_CLAIMS: ReadonlySet<string> = new Set(['scope', 'scp'])

/**
 * On whose behalf the bearer of a token acts.
 *
 * @param isTenant whether there is a tenant of that id.
 * @throws {UnauthenticatedError} `token_invalid`: it does not say who it is.
 * @throws {ForbiddenError} `insufficient_scope`, `tenant_unknown` or `role_missing`.
 */
export const principalFrom = (
  claims: Claims,
  map: ClaimMap,
  isTenant: (id: string) => boolean,
): Pick<Principal, 'id' | 'tenantId' | 'role'> => {
  const id = textOf(claimAt(claims, map.principalClaim))
  if (id === undefined || !/^[\x21-\x7e]{1,255}$/u.test(id))
    throw tokenInvalid(`does not say who it is: it has no usable ${JSON.stringify(map.principalClaim)}`)
  requireScopes(claims, map.scopes)
  return { id: `token:${id}`, tenantId: tenantOf(claims, map, isTenant), role: roleOf(claims, map) }
}

const requireScopes = (claims: Claims, needed: readonly string[]): void => {
  if (needed.length === 0) return
  const given = new Set([...SCOPE_CLAIMS].flatMap((claim) => valuesOf(claims, claim)))
  // What is asked for as api://application/scope is written without the application, which is the audience.
  const short = new Set(valuesOf(claims, 'scp'))
  const isGiven = (scope: string): boolean =>
    given.has(scope) || (scope.includes('://') && short.has(scope.slice(scope.lastIndexOf('/') + 1)))
  // All that is needed is said at once, so that nobody has to come back for one after the other.
  if (!needed.every(isGiven)) throw scopeMissing(needed)
}

const tenantOf = (
  claims: Claims,
  { tenantClaim, tenants }: ClaimMap,
  isTenant: (id: string) => boolean,
): string => {
  if (tenantClaim === undefined) return DEFAULT_TENANT
  const value = textOf(claimAt(claims, tenantClaim))
  if (value === undefined) throw tenantUnknown()
  const isMapped = Object.keys(tenants).length > 0
  const tenantId = isMapped ? (Object.hasOwn(tenants, value) ? tenants[value] : undefined) : value
  if (tenantId === undefined || !isTenant(tenantId)) throw tenantUnknown()
  return tenantId
}

const roleOf = (claims: Claims, { defaultRole, roleClaims, roles }: ClaimMap): Role => {
  const given = new Set(roleClaims.flatMap((claim) => valuesOf(claims, claim)))
  const mapped = ROLES.find((role) => roles[role]?.some((value) => given.has(value)))
  if (mapped !== undefined) return mapped
  if (defaultRole === 'none') throw roleMissing()
  return defaultRole
}

/** The texts that a claim holds: one, a list of them, or the names of an object's members. */
const valuesOf = (claims: Claims, name: string): readonly string[] => {
  const value = claimAt(claims, name)
  if (typeof value === 'string') return SCOPE_CLAIMS.has(name) ? value.split(' ') : [value]
  if (Array.isArray(value)) return value.filter((item) => typeof item === 'string')
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}

/** What is at a claim of that name, else at a dotted path of own members; undefined: nothing. */
const claimAt = (claims: Claims, name: string): unknown => {
  if (Object.hasOwn(claims, name)) return claims[name]
  let value: unknown = claims
  for (const member of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, member)) return undefined
    value = Object.getOwnPropertyDescriptor(value, member)?.value
  }
  return value
}

const textOf = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value
  return Number.isSafeInteger(value) ? String(value) : undefined
}
