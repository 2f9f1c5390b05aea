import type { Role } from '@mreg/core'
import type { Selectable } from 'kysely'

import type { ApiKeysTable } from '../schema/access-tables.ts'

/** A key as whoever administers keys sees it: without its hash. */
export interface ApiKeyRecord {
  readonly id: string
  readonly tenantId: string
  /** The part of the key that is no secret, by which it is found. Unique everywhere. */
  readonly lookupId: string
  readonly name: string
  /** On whose behalf it acts. */
  readonly principalId: string
  readonly role: Role
  /** What it is limited to; `access` knows what this means. Empty: nothing beyond its role. */
  readonly scopes: Readonly<Record<string, unknown>>
  /** undefined: never. */
  readonly expiresAt: Date | undefined
  /** undefined: it is good. */
  readonly revokedAt: Date | undefined
  /** To within a minute or so; undefined: not yet. */
  readonly lastUsedAt: Date | undefined
  /** Grows with each change; its use is none. */
  readonly revision: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** A key with what is needed to check it. */
export interface StoredApiKey extends ApiKeyRecord {
  readonly hash: Uint8Array
}

/** A key to store. */
export interface NewApiKey {
  /** undefined: a new id is made. */
  readonly id?: string | undefined
  readonly lookupId: string
  /** Of the secret part, by whoever checks it. */
  readonly hash: Uint8Array
  readonly name: string
  readonly principalId: string
  readonly role: Role
  readonly scopes?: Readonly<Record<string, unknown>> | undefined
  readonly expiresAt?: Date | undefined
}

/** What to change. undefined: it stays; null: it is cleared. */
export interface ApiKeyPatch {
  readonly name?: string | undefined
  readonly role?: Role | undefined
  readonly scopes?: Readonly<Record<string, unknown>> | undefined
  readonly expiresAt?: Date | null | undefined
  /** A new secret part for the same key. */
  readonly hash?: Uint8Array | undefined
  /** Ends it; nothing takes that back. */
  readonly revoked?: true | undefined
}

/** The columns of a key that make an {@link ApiKeyRecord}. */
export const API_KEY_COLUMNS = [
  'id',
  'tenant_id',
  'lookup_id',
  'name',
  'principal_id',
  'role',
  'scopes',
  'expires_at',
  'revoked_at',
  'last_used_at',
  'revision',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof ApiKeysTable)[]

export const toApiKeyRecord = (
  row: Pick<Selectable<ApiKeysTable>, (typeof API_KEY_COLUMNS)[number]>,
): ApiKeyRecord => ({
  id: row.id,
  tenantId: row.tenant_id,
  lookupId: row.lookup_id,
  name: row.name,
  principalId: row.principal_id,
  role: row.role,
  scopes: row.scopes,
  expiresAt: row.expires_at ?? undefined,
  revokedAt: row.revoked_at ?? undefined,
  lastUsedAt: row.last_used_at ?? undefined,
  revision: row.revision,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})
