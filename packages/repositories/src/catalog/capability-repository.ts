import { isDeepStrictEqual } from 'node:util'

import { ConflictError } from '@mreg/core'
import type { TenantSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { decodeCursor, encodeCursor } from '../base/cursor.ts'
import { isEntityId } from '../base/entity-id.ts'
import { checkLimit, type Page, type PageRequest } from '../base/page.ts'
import { requireStorable } from '../base/storable-text.ts'
import { appendChange, lockTenant } from '../changes/append-change.ts'
import type { CapabilityFlag } from '../schema/catalog-tables.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import {
  CAPABILITY_COLUMNS,
  type CapabilityList,
  type CapabilityRecord,
  type LookAlike,
  type OfferedCapability,
  toCapabilityRecord,
} from './capability.ts'
import { storeDefinitions } from './definition-store.ts'
import {
  type CapabilityDecision,
  type ChangeControl,
  decidedStanding,
  nextStanding,
  type Standing,
} from './next-standing.ts'
import {
  type NamedStanding,
  readStandings,
  requireServer,
  storeDecision,
  storeStandings,
  touchList,
} from './standing-store.ts'

/** What became of the entries of a list, by name. */
export interface Observation {
  readonly added: readonly string[]
  /** Have another definition than the last time. */
  readonly changed: readonly string[]
  /** Are not offered any more. */
  readonly gone: readonly string[]
  /** Where each stands now that was added or changed, and the definition that was seen before; undefined: none was. */
  readonly moves: readonly CapabilityMove[]
  /** Of which something else was noticed than before. */
  readonly flagged: readonly { readonly name: string; readonly flags: readonly CapabilityFlag[] }[]
}

/** Something that a server offers for the first time, or otherwise than before. */
export interface CapabilityMove extends Standing {
  readonly name: string
  readonly previousHash: string | undefined
}

/** A decision about what a server offers, in the lists of all principals. */
export interface CapabilityVerdict {
  readonly decision: CapabilityDecision
  /** What becomes of something that was switched off and is switched on with a definition that nobody has approved. */
  readonly control: ChangeControl
  /** The definition that is decided about; undefined: whichever was seen last. */
  readonly observedHash?: string | undefined
}

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
    const offers = new Map(offered.map((each) => [each.name, each]))
    const next = [...offers.values()].map(({ name, hash, flags = [], lookAlikeKey }) => ({
      name,
      flags,
      lookAlikeKey,
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
    const moves = moved.map((each) => ({ ...each, previousHash: known.get(each.name)?.observedHash }))
    return {
      added: moves.filter(({ previousHash }) => previousHash === undefined).map(({ name }) => name),
      changed: moves
        .filter(({ previousHash, observedHash }) => (previousHash ?? observedHash) !== observedHash)
        .map(({ name }) => name),
      gone: gone.map(({ name }) => name),
      moves: moves.filter(({ previousHash, observedHash }) => previousHash !== observedHash),
      flagged: moved.filter(
        ({ name, flags }) => flags.length > 0 && !isDeepStrictEqual(known.get(name)?.flags, flags),
      ),
    }
  }

  /**
   * Approves, switches off or switches on, wherever it is listed.
   *
   * @returns each entry as it is now; none when there is no such capability in this tenant.
   * @throws {ConflictError} code `definition_changed`: it has another definition by now than `observedHash`.
   */
  async decide(
    { serverId, kind }: Pick<CapabilityList, 'serverId' | 'kind'>,
    name: string,
    { decision, control, observedHash }: CapabilityVerdict,
  ): Promise<readonly CapabilityRecord[]> {
    requireStorable({ name })
    if (!isEntityId(serverId)) return []
    await lockTenant(this.#session)
    const known = await this.#named({ serverId, kind }, name)
    const meant = known.filter((each) => observedHash === undefined || each.observedHash === observedHash)
    if (meant.length === 0 && known.length > 0) {
      const what = `${kind.replaceAll('_', ' ')} ${JSON.stringify(name)}`
      throw new ConflictError(
        'definition_changed',
        `the definition of the ${what} has changed since you looked at it; look again`,
      )
    }
    const decided = meant.map((each) => ({ ...each, ...decidedStanding(each, decision, control) }))
    const moved = decided.filter((each, index) => !isSameStanding(meant[index], each))
    // One after the other: a transaction runs one statement at a time.
    for (const each of moved) await storeDecision(this.#session, each)
    if (moved.length > 0) await appendChange(this.#session, 'capabilities_updated', serverId)
    return decided
  }

  /** What of a server somebody has switched off, in whosever list it is. */
  async disabledIn(serverId: string): Promise<readonly Pick<CapabilityRecord, 'kind' | 'name'>[]> {
    if (!isEntityId(serverId)) return []
    return await this.#session.kysely
      .selectFrom('capabilities')
      .select(['kind', 'name'])
      .distinct()
      .where('tenant_id', '=', this.#session.tenantId)
      .where('server_id', '=', serverId)
      .where('state', '=', 'disabled')
      .execute()
  }

  /**
   * What other servers offered before this one and people may take for something of it, oldest first; a few for each key.
   *
   * @param keys look-alike keys of names of the server, by name.
   */
  async lookAlikes(
    { serverId, scopeKey, kind }: CapabilityList,
    keys: ReadonlyMap<string, string>,
  ): Promise<ReadonlyMap<string, readonly LookAlike[]>> {
    requireStorable([...keys])
    const wanted = [...keys].map(([name, key]) => ({ name, key }))
    const found = await sql<LookAlike & { readonly own: string }>`
      select given.name as own, c.look_alike_key as "lookAlikeKey", s.slug as slug, c.name as name
      from jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) as given (name text, key text)
      left join capabilities mine on mine.server_id = ${serverId}::uuid and mine.scope_key = ${scopeKey}
        and mine.kind = ${kind} and mine.name = given.name
      join lateral (
        select server_id, name, look_alike_key, first_seen_at from capabilities
        where tenant_id = ${this.#session.tenantId} and kind = ${kind} and look_alike_key = given.key
          and server_id <> ${serverId}::uuid and name <> given.name and scope_key = '' and state <> 'gone'
          and (mine.first_seen_at is null or first_seen_at < mine.first_seen_at)
        order by first_seen_at, server_id, name limit 3
      ) c on true
      join servers s on s.id = c.server_id and s.tenant_id = ${this.#session.tenantId}
      order by c.first_seen_at, s.slug, c.name
    `.execute(this.#session.kysely)
    return Map.groupBy(found.rows, ({ own }) => own)
  }

  async #named(
    { serverId, kind }: Pick<CapabilityList, 'serverId' | 'kind'>,
    name: string,
  ): Promise<readonly CapabilityRecord[]> {
    const rows = await this.#session.kysely
      .selectFrom('capabilities')
      .select(CAPABILITY_COLUMNS)
      .where('tenant_id', '=', this.#session.tenantId)
      .where('server_id', '=', serverId)
      .where('kind', '=', kind)
      .where('name', '=', name)
      .orderBy('scope_key')
      .execute()
    return rows.map(toCapabilityRecord)
  }

  /**
   * One page of what a server offers in one scope, in the order of kind and name.
   *
   * @param scopeKey default: what everybody sees.
   * @param kind undefined: everything.
   * @param states undefined: whatever they are.
   * @throws {ValidationError} `limit` or `cursor` is not good.
   */
  async listForServer(
    serverId: string,
    {
      limit,
      cursor,
      scopeKey = '',
      kind: wantedKind,
      states,
    }: PageRequest & {
      readonly scopeKey?: string | undefined
      readonly kind?: CapabilityList['kind'] | undefined
      readonly states?: readonly CapabilityRecord['state'][] | undefined
    },
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
    if (wantedKind !== undefined) query = query.where('kind', '=', wantedKind)
    if (states !== undefined) query = query.where('state', 'in', [...states])
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

const isSame = (one: NamedStanding | undefined, other: NamedStanding): boolean =>
  isSameStanding(one, other) &&
  one?.lookAlikeKey === other.lookAlikeKey &&
  isDeepStrictEqual(one?.flags, other.flags)

const isSameStanding = (one: Standing | undefined, other: Standing): boolean =>
  one?.observedHash === other.observedHash &&
  one.approvedHash === other.approvedHash &&
  one.state === other.state
