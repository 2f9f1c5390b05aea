import type { Selectable } from 'kysely'

import type { UpstreamGrantsTable } from '../schema/registry-database.ts'

/** Which grant: there is one for each server and principal of a tenant. */
export interface GrantKey {
  readonly serverId: string
  readonly principalId: string
}

/** What an authorization server gave to a principal for one server; the tokens are sealed by whoever uses them. */
export interface StoredGrant extends GrantKey {
  /** The authorization server that gave it. */
  readonly issuer: string
  readonly ciphertext: Uint8Array
  /** Which key it is sealed with. */
  readonly keyId: string
  /** When the access token expires; undefined when that is not known. */
  readonly expiresAt: Date | undefined
  /** Grows with each replacement of the tokens. */
  readonly generation: number
}

/** The columns of a grant that make a {@link StoredGrant}. */
export const GRANT_COLUMNS = [
  'principal_id',
  'server_id',
  'issuer',
  'ciphertext',
  'key_id',
  'expires_at',
  'generation',
] as const satisfies readonly (keyof UpstreamGrantsTable)[]

export const toStoredGrant = (
  row: Pick<Selectable<UpstreamGrantsTable>, (typeof GRANT_COLUMNS)[number]>,
): StoredGrant => ({
  serverId: row.server_id,
  principalId: row.principal_id,
  issuer: row.issuer,
  ciphertext: row.ciphertext,
  keyId: row.key_id,
  expiresAt: row.expires_at ?? undefined,
  generation: row.generation,
})
