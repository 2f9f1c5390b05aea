import type { Selectable } from 'kysely'

import type { PoliciesTable } from '../schema/access-tables.ts'

/** Whom a policy is about. */
export interface PolicySubject {
  readonly kind: 'tenant' | 'role' | 'key'
  /** The role, or the id of the key; empty for the whole tenant. */
  readonly id: string
}

/** Rules about who may do what; `access` knows what they mean. */
export interface PolicyRecord {
  readonly id: string
  readonly tenantId: string
  /** Unique in its tenant. */
  readonly name: string
  readonly subject: PolicySubject
  readonly rules: Readonly<Record<string, unknown>>
  /** Who may change it: `api`, `file:<id>` or `sync:<source>`. */
  readonly managedBy: string
  readonly revision: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** A policy to store. */
export interface NewPolicy {
  readonly name: string
  readonly subject: PolicySubject
  readonly rules: Readonly<Record<string, unknown>>
  /** Default `api`. */
  readonly managedBy?: string | undefined
}

/** What to change. undefined: it stays. */
export type PolicyPatch = { readonly [Field in keyof NewPolicy]?: NewPolicy[Field] | undefined }

export const toPolicyRecord = (row: Selectable<PoliciesTable>): PolicyRecord => ({
  id: row.id,
  tenantId: row.tenant_id,
  name: row.name,
  subject: { kind: row.subject_kind, id: row.subject_id },
  rules: row.rules,
  managedBy: row.managed_by,
  revision: row.revision,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})
