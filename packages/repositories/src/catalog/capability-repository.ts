import type { TenantSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { decodeCursor, encodeCursor } from '../base/cursor.ts'
import { isEntityId } from '../base/entity-id.ts'
import { checkLimit, type Page, type PageRequest } from '../base/page.ts'
import { requireStorable } from '../base/storable-text.ts'
import { appendChange, lockTenant } from '../changes/append-change.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import {
  CAPABILITY_COLUMNS,
  type CapabilityList,
  type CapabilityRecord,
  type OfferedCapability,
  toCapabilityRecord,
} from './capability.ts'
import { storeDefinitions } from './definition-store.ts'
import { type ChangeControl, nextStanding, type Standing } from './next-standing.ts'
import { readStandings, requireServer, storeStandings, touchList } from './standing-store.ts'

/** What became of the entries of a list, by name. */
export interface Observation {
  readonly added: readonly string[]
  /** Have another definition than the last time. */
  readonly changed: readonly string[]
  /** Are not offered any more. */
  readonly gone: readonly string[]
}

/** What somebody decides about a capability. `enable` takes back `disable`, and approves what is offered now, as `approve` does. */
export type CapabilityDecision = 'approve' | 'enable' | 'disable'

/**
 * What the servers of one tenant offer, as last known good. Each change is in the change log as `capabilities_updated` of the
 * server.
 */
export class CapabilityRepository {
  readonly #session: TenantSession<RegistryDatabase>

  constructor(session: TenantSession<RegistryDatabase>) {
    this.#session = session
  }

  /**
   * Takes over a list as a server gave it, whole. What is not in it any more is `gone`, and keeps what was approved of it.
   *
   * @throws {NotFoundError} code `server_not_found`.
   * @throws {ValidationError} a text cannot be stored.
   */
  async observe(
    list: CapabilityList,
    offered: readonly OfferedCapability[],
    control: ChangeControl,
  ): Promise<Observation> {
    requireStorable(offered.map(({ name, hash }) => ({ name, hash })))
    await lockTenant(this.#session)
    await requireServer(this.#session, list.serverId)
    await storeDefinitions(this.#session, offered)
    const known = new Map((await readStandings(this.#session, list)).map((each) => [each.name, each]))
    const offers = new Map(offered.map(({ name, hash }) => [name, hash]))
    const next = [...offers].map(([name, hash]) => ({
      name,
      ...nextStanding(known.get(name), hash, control),
    }))
    const moved = next.filter((each) => !isSame(known.get(each.name), each))
    const gone = [...known.values()].filter(
      ({ name, state }) => !offers.has(name) && state !== 'gone' && state !== 'disabled',
    )
    await storeStandings(this.#session, list, [
      ...moved,
      ...gone.map((each) => ({ ...each, state: 'gone' as const })),
    ])
    await touchList(this.#session, list)
    if (moved.length + gone.length > 0) {
      await appendChange(this.#session, 'capabilities_updated', list.serverId)
    }
    return {
      added: moved.filter(({ name }) => !known.has(name)).map(({ name }) => name),
      changed: moved
        .filter(({ name, observedHash }) => (known.get(name)?.observedHash ?? observedHash) !== observedHash)
        .map(({ name }) => name),
      gone: gone.map(({ name }) => name),
    }
  }

  /**
   * Approves, switches off or switches on.
   *
   * @returns undefined: there is no such capability in this tenant.
   */
  async decide(
    { serverId, scopeKey, kind }: CapabilityList,
    name: string,
    decision: CapabilityDecision,
  ): Promise<CapabilityRecord | undefined> {
    requireStorable({ scopeKey, name })
    if (!isEntityId(serverId)) return undefined
    await lockTenant(this.#session)
    const row = await this.#session.kysely
      .updateTable('capabilities')
      .set((eb) =>
        decision === 'disable'
          ? { state: 'disabled' as const }
          : { state: 'accepted' as const, approved_hash: eb.ref('observed_hash') },
      )
      .where('tenant_id', '=', this.#session.tenantId)
      .where('server_id', '=', serverId)
      .where('scope_key', '=', scopeKey)
      .where('kind', '=', kind)
      .where('name', '=', name)
      .returning(CAPABILITY_COLUMNS)
      .executeTakeFirst()
    if (row === undefined) return undefined
    await appendChange(this.#session, 'capabilities_updated', serverId)
    return toCapabilityRecord(row)
  }

  /**
   * One page of what a server offers in one scope, in the order of kind and name.
   *
   * @param scopeKey default: what everybody sees.
   * @throws {ValidationError} `limit` or `cursor` is not good.
   */
  async listForServer(
    serverId: string,
    { limit, cursor, scopeKey = '' }: PageRequest & { readonly scopeKey?: string | undefined },
  ): Promise<Page<CapabilityRecord>> {
    checkLimit(limit)
    requireStorable({ scopeKey })
    const [kind, name] = cursor === undefined ? [] : decodeCursor(cursor, 2)
    if (!isEntityId(serverId)) return { items: [], nextCursor: undefined }
    let query = this.#session.kysely
      .selectFrom('capabilities')
      .select(CAPABILITY_COLUMNS)
      .where('tenant_id', '=', this.#session.tenantId)
      .where('server_id', '=', serverId)
      .where('scope_key', '=', scopeKey)
    if (kind !== undefined && name !== undefined) {
      query = query.where(sql<boolean>`(kind, name) > (${kind}::text, ${name}::text)`)
    }
    const rows = await query
      .orderBy('kind')
      .orderBy('name')
      .limit(limit + 1)
      .execute()
    const items = rows.slice(0, limit).map(toCapabilityRecord)
    const last = items.at(-1)
    const more = rows.length > limit && last !== undefined
    return { items, nextCursor: more ? encodeCursor([last.kind, last.name]) : undefined }
  }

  /** The definitions of these hashes, by hash; those that are not there are left out. */
  async definitions(hashes: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    requireStorable(hashes)
    const rows = await this.#session.kysely
      .selectFrom('definitions')
      .select(['hash', 'body'])
      .where('tenant_id', '=', this.#session.tenantId)
      .where(sql<boolean>`hash = any(${[...new Set(hashes)]}::text[])`)
      .execute()
    return new Map(rows.map(({ hash, body }) => [hash, body]))
  }

  /**
   * Removes up to 1,000 definitions that no capability has any more. The tenant is locked meanwhile, so that none is needed
   * again at that moment.
   *
   * @returns how many; when it is 1,000, there may be more.
   */
  async forgetDefinitions(): Promise<number> {
    await lockTenant(this.#session)
    const { kysely, tenantId } = this.#session
    const { numAffectedRows } = await sql`
      delete from definitions where ctid = any(array(
        select d.ctid from definitions d where d.tenant_id = ${tenantId}
          and not exists (select from capabilities c where c.tenant_id = ${tenantId} and c.observed_hash = d.hash)
          and not exists (select from capabilities c where c.tenant_id = ${tenantId} and c.approved_hash = d.hash)
        limit 1000
      ))
    `.execute(kysely)
    return Number(numAffectedRows ?? 0n)
  }
}

const isSame = (one: Standing | undefined, other: Standing): boolean =>
  one?.observedHash === other.observedHash &&
  one.approvedHash === other.approvedHash &&
  one.state === other.state
