import { randomBytes } from 'node:crypto'

import type { Principal } from '@mreg/core'
import type { PolicyRecord, PolicySubject } from '@mreg/repositories'
import { beforeEach, describe, expect, test } from 'vitest'

import {
  AccessControl,
  type AccessRules,
  type AccessTarget,
  ApiKeyHasher,
  KeyRing,
  KnownApiKeys,
  KnownPolicies,
} from '../src/index.ts'

const user = (id: string, tenantId = 'acme'): Principal =>
  Object.freeze({ id, tenantId, role: 'user', kind: 'token' })
const INSTALLATION: Principal = { id: 'admin', tenantId: 'acme', role: 'admin', kind: 'key' }
const tool = (server: string, name: string): AccessTarget => ({
  kind: 'tool',
  server,
  name,
  isReadOnly: undefined,
})

let count = 0
const policy = (
  rules: AccessRules | { readonly unknown: true },
  subject: PolicySubject = { kind: 'tenant', id: '' },
  tenantId = 'acme',
): PolicyRecord => {
  count += 1
  return {
    id: `policy-${count}`,
    tenantId,
    name: `number ${count}`,
    subject,
    rules,
    managedBy: 'api',
    revision: 1,
    createdAt: new Date(),
    updatedAt: new Date(),
  }
}

describe('access control', () => {
  let policies: KnownPolicies
  let control: AccessControl

  const open = (withoutPolicy?: 'allow' | 'deny'): void => {
    const hasher = new ApiKeyHasher(new KeyRing([randomBytes(32).toString('hex')]))
    policies = new KnownPolicies()
    control = new AccessControl({ apiKeys: new KnownApiKeys(hasher), policies, withoutPolicy })
  }
  const refusal = (principal: Principal, target: AccessTarget): string | undefined =>
    control.limitsOf(principal)?.refusal(target)?.reason

  beforeEach(() => open())

  test('limits nobody when no policy says so', () => {
    expect(control.limitsOf(user('ann'))).toBeUndefined()
    expect(control.isLimited(user('ann'))).toBe(false)
    expect(control.apiRefusal(user('ann'), 'GET /servers')).toBeUndefined()
  })

  test('holds everybody in a tenant to its policies, those of a role to those of the role, and no other tenant', () => {
    policies.replace([
      policy({ tools: { deny: ['delete_*'] } }),
      policy({ servers: { allow: ['notes'] } }, { kind: 'role', id: 'user' }),
    ])
    const ann = user('ann')
    expect(refusal(ann, tool('notes', 'read_all'))).toBeUndefined()
    expect(refusal(ann, tool('notes', 'delete_all'))).toBe('tool_not_allowed')
    expect(refusal(ann, tool('mail', 'read_all'))).toBe('server_not_allowed')
    const operator: Principal = { ...ann, role: 'operator' }
    expect(refusal(operator, tool('mail', 'read_all'))).toBeUndefined()
    expect(refusal(operator, tool('mail', 'delete_all'))).toBe('tool_not_allowed')
    expect(control.limitsOf(user('ann', 'other'))).toBeUndefined()
  })

  test('says whose rule it is', () => {
    const denied = policy({ tools: { deny: ['delete_*'] } })
    policies.replace([denied])
    expect(control.limitsOf(user('ann'))?.refusal(tool('notes', 'delete_all'))?.by).toBe(
      `the policy "${denied.name}"`,
    )
  })

  test('goes by a changed policy at once, and is the same object until then', () => {
    const first = policy({ servers: { allow: ['notes'] } })
    policies.replace([first])
    const ann = user('ann')
    const limits = control.limitsOf(ann)
    expect(control.limitsOf(ann)).toBe(limits)
    const end = control.endOf(ann)
    policies.update(['another'], [policy({ servers: { allow: [] } }, undefined, 'other')])
    expect(control.limitsOf(ann)).toBe(limits)
    expect(end?.aborted).toBe(false)
    policies.update([first.id], [])
    expect(control.limitsOf(ann)).toBeUndefined()
    expect(end?.aborted).toBe(true)
  })

  test('S7 takes an empty list of what is allowed for nothing', () => {
    policies.replace([policy({ servers: { allow: [] } })])
    expect(refusal(user('ann'), { kind: 'server', name: 'notes' })).toBe('server_not_allowed')
  })

  test('S7 leaves nothing to those about whom a policy cannot be read', () => {
    policies.replace([policy({ unknown: true })])
    expect(refusal(user('ann'), { kind: 'server', name: 'notes' })).toBe('server_not_allowed')
    expect(refusal(user('ann'), { kind: 'toolset', name: 'all' })).toBe('toolset_not_allowed')
    expect(control.apiRefusal(user('ann'), 'GET /servers')).toBeDefined()
  })

  test('S7 leaves nothing to those about whom there is no policy, where that is wanted', () => {
    open('deny')
    expect(refusal(user('ann'), { kind: 'server', name: 'notes' })).toBe('server_not_allowed')
    expect(control.apiRefusal(user('ann'), 'GET /servers')?.by).toContain('security.withoutPolicy')
    policies.replace([policy({ servers: { allow: ['notes'] } }, { kind: 'role', id: 'user' })])
    expect(refusal(user('ann'), { kind: 'server', name: 'notes' })).toBeUndefined()
    expect(control.limitsOf(INSTALLATION)).toBeUndefined()
  })

  test('holds callers to the routes of the API that policies leave, and looks at methods and paths together', () => {
    policies.replace([
      policy({ api: { allow: ['GET *', 'POST /servers/*'], deny: ['* /servers/{idOrSlug}'] } }),
    ])
    const ann = user('ann')
    expect(control.apiRefusal(ann, 'GET /servers')).toBeUndefined()
    expect(control.apiRefusal(ann, 'POST /servers/{idOrSlug}/probe')).toBeUndefined()
    expect(control.apiRefusal(ann, 'GET /servers/{idOrSlug}')).toBeDefined()
    expect(control.apiRefusal(ann, 'DELETE /toolsets/{slug}')).toBeDefined()
    // A rule about the API says nothing about what servers offer.
    expect(control.limitsOf(ann)).toBeUndefined()
    expect(control.isLimited(ann)).toBe(false)
  })

  test('keeps nobody from policies who may change them, but by the API rules of a policy', () => {
    policies.replace([policy({ servers: { allow: ['notes'] } })])
    const admin: Principal = { ...user('root'), role: 'admin' }
    expect(control.isLimited(admin)).toBe(false)
    expect(control.isLimited(user('ann'))).toBe(true)
    expect(refusal(admin, { kind: 'server', name: 'mail' })).toBe('server_not_allowed')
    expect(control.limitsOf(INSTALLATION)).toBeUndefined()
  })
})
