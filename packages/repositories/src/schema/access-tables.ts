import type { Role } from '@mreg/core'
import type { Generated } from 'kysely'

import type { CreatedAt, Json, UpdatedAt } from './column-types.ts'

export interface ApiKeysTable {
  id: string
  tenant_id: string
  /** The part of the key that is no secret, by which it is found. */
  lookup_id: string
  hash: Uint8Array
  name: string
  principal_id: string
  role: Role
  scopes: Json<Readonly<Record<string, unknown>>>
  expires_at: Date | null
  revoked_at: Date | null
  last_used_at: Date | null
  revision: Generated<number>
  created_at: CreatedAt
  updated_at: UpdatedAt
}

export interface PoliciesTable {
  id: string
  tenant_id: string
  name: string
  subject_kind: 'tenant' | 'role' | 'key'
  /** A role or the id of a key; empty for the tenant. */
  subject_id: Generated<string>
  rules: Json<Readonly<Record<string, unknown>>>
  managed_by: Generated<string>
  revision: Generated<number>
  created_at: CreatedAt
  updated_at: UpdatedAt
}

export interface AuditEventsTable {
  /** Begins with the time, so its order is that of the events. */
  id: string
  tenant_id: string
  occurred_at: Date
  principal_id: string
  action: string
  object_id: string | null
  outcome: 'success' | 'denied' | 'failure'
  request_id: string | null
  details: Json<Readonly<Record<string, unknown>>>
}

export interface IdempotencyKeysTable {
  tenant_id: string
  principal_id: string
  key: string
  /** Of the request that came with the key first. */
  fingerprint: string
  /** null until the request was answered. */
  answer: Json<unknown>
  created_at: CreatedAt
}
