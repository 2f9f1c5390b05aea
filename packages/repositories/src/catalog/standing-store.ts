import { NotFoundError } from '@mreg/core'
import type { TenantSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { isEntityId } from '../base/entity-id.ts'
import type { CapabilityFlag } from '../schema/catalog-tables.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import type { CapabilityList } from './capability.ts'
import type { Standing } from './next-standing.ts'

type Session = TenantSession<RegistryDatabase>

/** Where an entry of a list stands, and what was noticed about it. */
export interface NamedStanding extends Standing {
  readonly name: string
  readonly flags?: readonly CapabilityFlag[] | undefined
  readonly lookAlikeKey?: string | undefined
}

/** Between notes of when something unchanged was seen last, in hours: each costs a write for every entry of a list. */
const LAST_SEEN_HOURS = 1

/** @throws {NotFoundError} code `server_not_found`. */
export const requireServer = async ({ kysely, tenantId }: Session, serverId: string): Promise<void> => {
  const found = isEntityId(serverId)
    ? await kysely
        .selectFrom('servers')
        .select('id')
        .where('tenant_id', '=', tenantId)
        .where('id', '=', serverId)
        .executeTakeFirst()
    : undefined
  if (found === undefined) throw new NotFoundError('server_not_found', `there is no server "${serverId}"`)
}

/** Where the entries of a list stand, those that are gone included. */
export const readStandings = async (
  { kysely, tenantId }: Session,
  { serverId, scopeKey, kind }: CapabilityList,
): Promise<readonly NamedStanding[]> => {
  const rows = await kysely
    .selectFrom('capabilities')
    .select(['name', 'observed_hash', 'approved_hash', 'state', 'flags', 'look_alike_key'])
    .where('tenant_id', '=', tenantId)
    .where('server_id', '=', serverId)
    .where('scope_key', '=', scopeKey)
    .where('kind', '=', kind)
    .execute()
  return rows.map((row) => ({
    name: row.name,
    observedHash: row.observed_hash,
    approvedHash: row.approved_hash ?? undefined,
    state: row.state,
    flags: row.flags,
    lookAlikeKey: row.look_alike_key ?? undefined,
  }))
}

/** Adds entries to a list, or moves them. Their definitions are stored, and the tenant is locked. */
export const storeStandings = async (
  { kysely, tenantId }: Session,
  { serverId, scopeKey, kind }: CapabilityList,
  standings: readonly NamedStanding[],
): Promise<void> => {
  if (standings.length === 0) return
  const rows = standings.map(({ name, observedHash, approvedHash, state, flags = [], lookAlikeKey }) => ({
    name,
    observed_hash: observedHash,
    approved_hash: approvedHash ?? null,
    state,
    flags,
    look_alike_key: lookAlikeKey ?? null,
  }))
  await sql`
    insert into capabilities
      (tenant_id, server_id, scope_key, kind, name, observed_hash, approved_hash, state, flags, look_alike_key)
    select ${tenantId}, ${serverId}::uuid, ${scopeKey}, ${kind},
      name, observed_hash, approved_hash, state, flags, look_alike_key
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given
      (name text, observed_hash text, approved_hash text, state text, flags jsonb, look_alike_key text)
    on conflict (server_id, scope_key, kind, name) do update set
      observed_hash = excluded.observed_hash,
      approved_hash = excluded.approved_hash,
      state = excluded.state,
      flags = excluded.flags,
      look_alike_key = excluded.look_alike_key,
      last_seen_at = case when excluded.state = 'gone' then capabilities.last_seen_at else now() end
  `.execute(kysely)
}

/** Notes what was decided about an entry that is there. The tenant is locked. */
export const storeDecision = async (
  { kysely, tenantId }: Session,
  { serverId, scopeKey, kind, name, ...standing }: CapabilityList & NamedStanding,
): Promise<void> => {
  await kysely
    .updateTable('capabilities')
    .set({ state: standing.state, approved_hash: standing.approvedHash ?? null })
    .where('tenant_id', '=', tenantId)
    .where('server_id', '=', serverId)
    .where('scope_key', '=', scopeKey)
    .where('kind', '=', kind)
    .where('name', '=', name)
    .execute()
}

/** Notes that everything of a list that is not gone has just been seen. */
export const touchList = async (
  { kysely, tenantId }: Session,
  { serverId, scopeKey, kind }: CapabilityList,
): Promise<void> => {
  await kysely
    .updateTable('capabilities')
    .set({ last_seen_at: sql<Date>`now()` })
    .where('tenant_id', '=', tenantId)
    .where('server_id', '=', serverId)
    .where('scope_key', '=', scopeKey)
    .where('kind', '=', kind)
    .where('state', '<>', 'gone')
    .where('last_seen_at', '<', sql<Date>`now() - make_interval(hours => ${LAST_SEEN_HOURS}::int)`)
    .execute()
}
