import { createSettings, MregError } from '@mreg/core'
import { describe, expect, it } from 'vitest'

import { type ClaimMap, type Claims, principalFrom } from '../../src/tokens.ts'

const preset = createSettings({ environment: {} }).oidc
const TENANTS = new Set(['default', 'acme'])

const from = (claims: Claims, map: Partial<ClaimMap> = {}): unknown => {
  try {
    const { id, role, tenantId } = principalFrom(
      { sub: 'ann', ...claims },
      { ...preset, defaultRole: 'user', ...map },
      (tenant) => TENANTS.has(tenant),
    )
    return `${tenantId} ${id} ${role}`
  } catch (error) {
    if (MregError.is(error)) return error.code
    throw error
  }
}

describe('the role', () => {
  const roles = { admin: ['mcp-admins'], operator: ['mcp-operators'], readonly: ['guests'] }

  it.each<readonly [string, Claims, Partial<ClaimMap>, string]>([
    ['comes from a role', { roles: ['mcp-operators'] }, { roles }, 'operator'],
    ['comes from a group', { groups: ['x', 'guests'] }, { roles }, 'readonly'],
    [
      'is the widest of several',
      { groups: ['guests', 'mcp-admins'], roles: ['mcp-operators'] },
      { roles },
      'admin',
    ],
    ['is the default for everybody else', { groups: ['staff'] }, { roles }, 'user'],
    ['comes from one text', { roles: 'mcp-admins' }, { roles }, 'admin'],
    ['is not found within a text', { roles: 'not mcp-admins' }, { roles }, 'user'],
    ['is not found in another claim', { department: ['mcp-admins'] }, { roles }, 'user'],
    [
      'comes from the opaque id of a group',
      { groups: ['8f1d2c3b-0000-4444-8888-123456789abc'] },
      { roles: { admin: ['8f1d2c3b-0000-4444-8888-123456789abc'] } },
      'admin',
    ],
    [
      'comes from a dotted path',
      { realm_access: { roles: ['mcp-admins'] } },
      { roles, roleClaims: ['realm_access.roles'] },
      'admin',
    ],
    [
      'comes from a claim whose name is a URL',
      { 'https://acme.example/roles': ['mcp-admins'] },
      { roles, roleClaims: ['https://acme.example/roles'] },
      'admin',
    ],
    [
      'comes from the names of an object’s members',
      { 'urn:roles': { 'mcp-operators': { org: 1 } } },
      { roles, roleClaims: ['urn:roles'] },
      'operator',
    ],
    ['comes from a scope', { scope: 'openid mcp-admins' }, { roles, roleClaims: ['scope'] }, 'admin'],
    [
      'comes from no member of a prototype',
      {},
      { roles, roleClaims: ['constructor', '__proto__.x'] },
      'user',
    ],
    ['comes from no number', { roles: [1, null, { a: 1 }] }, { roles: { admin: ['1'] } }, 'user'],
  ])('%s', (_name, claims, map, role) => {
    expect(from(claims, map)).toBe(`default token:ann ${role}`)
  })

  it('S7 is none when nothing gives one: no mapping is not everybody', () => {
    expect(from({ groups: ['staff'] }, { roles, defaultRole: 'none' })).toBe('role_missing')
    expect(from({}, { roles: {}, defaultRole: 'none' })).toBe('role_missing')
    expect(from({ groups: [''] }, { roles: { admin: [] }, defaultRole: 'none' })).toBe('role_missing')
  })
})

describe('the tenant', () => {
  it.each<readonly [string, Claims, Partial<ClaimMap>, string]>([
    ['is the default one when no claim says it', { tid: 'acme' }, {}, 'default token:ann user'],
    ['is what the claim says', { tid: 'acme' }, { tenantClaim: 'tid' }, 'acme token:ann user'],
    [
      'is what the claim stands for',
      { tid: '9-9' },
      { tenantClaim: 'tid', tenants: { '9-9': 'acme' } },
      'acme token:ann user',
    ],
    ['is refused when it is not known', { tid: 'evil' }, { tenantClaim: 'tid' }, 'tenant_unknown'],
    ['is refused when the claim is missing', {}, { tenantClaim: 'tid' }, 'tenant_unknown'],
    ['is refused when the claim holds several', { tid: ['acme'] }, { tenantClaim: 'tid' }, 'tenant_unknown'],
    [
      'is refused when nothing is mapped to it',
      { tid: 'acme' },
      { tenantClaim: 'tid', tenants: { '9-9': 'acme' } },
      'tenant_unknown',
    ],
    [
      'is refused when it is mapped to one that is gone',
      { tid: '9' },
      { tenantClaim: 'tid', tenants: { '9': 'gone' } },
      'tenant_unknown',
    ],
    [
      'is refused when it is a member of a prototype',
      { tid: 'constructor' },
      { tenantClaim: 'tid', tenants: { a: 'acme' } },
      'tenant_unknown',
    ],
  ])('%s', (_name, claims, map, outcome) => {
    expect(from(claims, map)).toBe(outcome)
  })
})

describe('the principal', () => {
  it.each<readonly [string, Claims, Partial<ClaimMap>, string]>([
    ['is the subject', {}, {}, 'default token:ann user'],
    ['may be another claim', { oid: 'u-1' }, { principalClaim: 'oid' }, 'default token:u-1 user'],
    ['may be a number', { uid: 7 }, { principalClaim: 'uid' }, 'default token:7 user'],
    ['can be nobody of the gateway’s own', { sub: 'admin' }, {}, 'default token:admin user'],
    ['is refused when it is empty', { sub: '' }, {}, 'token_invalid'],
    ['is refused when it has blanks', { sub: 'a b' }, {}, 'token_invalid'],
    ['is refused when it is too long', { sub: 'a'.repeat(256) }, {}, 'token_invalid'],
    ['is refused when it is a list', { sub: ['ann'] }, {}, 'token_invalid'],
  ])('%s', (_name, claims, map, outcome) => {
    expect(from(claims, map)).toBe(outcome)
  })
})

describe('the scopes', () => {
  it.each<readonly [string, Claims, string]>([
    ['in one text', { scope: 'openid mcp:use mcp:more' }, 'default token:ann user'],
    ['as Microsoft writes them', { scp: 'mcp:use mcp:more' }, 'default token:ann user'],
    ['as a list', { scp: ['mcp:use', 'mcp:more'] }, 'default token:ann user'],
    ['of which one is missing', { scope: 'mcp:use' }, 'insufficient_scope'],
    ['that only begin so', { scope: 'mcp:user mcp:more' }, 'insufficient_scope'],
    ['that are missing', {}, 'insufficient_scope'],
  ])('%s', (_name, claims, outcome) => {
    expect(from(claims, { scopes: ['mcp:use', 'mcp:more'] })).toBe(outcome)
  })

  it.each<readonly [string, Claims, string]>([
    ['are written without it', { scp: 'mcp' }, 'default token:ann user'],
    ['are not taken from another claim so', { scope: 'mcp' }, 'insufficient_scope'],
    ['are not others', { scp: 'cp' }, 'insufficient_scope'],
    ['are written in full', { scope: 'api://7d1f/mcp' }, 'default token:ann user'],
  ])('of an application %s', (_name, claims, outcome) => {
    expect(from(claims, { scopes: ['api://7d1f/mcp'] })).toBe(outcome)
  })
})
