import type { EndpointRecord, ServerRecord, ServerStatus } from '@mreg/core'
import type { SystemSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { isEntityId } from '../base/entity-id.ts'
import { GRANT_COLUMNS, type StoredGrant, toStoredGrant } from '../grants/stored-grant.ts'
import type { CapabilityKind } from '../schema/catalog-tables.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import type { StoredSecret } from '../secrets/secret-repository.ts'
import {
  ENDPOINT_COLUMNS,
  SERVER_COLUMNS,
  type ServerRow,
  toEndpointRecord,
  toServerRecord,
} from '../servers/server-row.ts'

/** An endpoint with what the gateway needs to reach it. */
export interface SnapshotEndpoint extends EndpointRecord {
  /** Its sealed header or environment values; undefined when it has none. */
  readonly secret: StoredSecret | undefined
  /** What is known of it; undefined: nothing. */
  readonly status?: ServerStatus | undefined
}

/** Something of a server that clients do not have, or not as the server offers it. */
export interface WithheldCapability {
  readonly kind: CapabilityKind
  readonly name: string
  /** In whose list it is held: empty for everybody's. What is switched off is so for all. */
  readonly scopeKey: string
  readonly state: 'disabled' | 'quarantined'
  /** Whether another definition of it was approved before. */
  readonly wasApproved: boolean
}

/** A server with what the gateway needs to route to it. */
export interface SnapshotServer extends ServerRecord {
  readonly endpoints: readonly SnapshotEndpoint[]
  /** Sealed tokens for the server, one for each principal who has logged in; undefined when nobody has. */
  readonly grants?: readonly StoredGrant[] | undefined
  /** What is switched off or held; undefined when nothing is. */
  readonly withheld?: readonly WithheldCapability[] | undefined
}

/** So that no statement takes long and no answer is huge. */
const PAGE_LENGTH = 1_000

/**
 * What a route table is built from: the servers of all tenants.
 *
 * Read `ChangeRepository.revisions` first and the servers after it: what changes in between is then in the
 * change log past that revision, and is read again.
 */
export class SnapshotRepository {
  readonly #session: SystemSession<RegistryDatabase>

  constructor(session: SystemSession<RegistryDatabase>) {
    this.#session = session
  }

  async allServers(): Promise<readonly SnapshotServer[]> {
    const servers: SnapshotServer[] = []
    let page: readonly SnapshotServer[]
    do {
      // oxlint-disable-next-line no-await-in-loop -- each page starts where the one before ended
      page = await this.#page(servers.at(-1)?.id)
      servers.push(...page)
    } while (page.length === PAGE_LENGTH)
    return servers
  }

  /** Those of `ids` that exist, in no particular order. */
  async serversByIds(ids: readonly string[]): Promise<readonly SnapshotServer[]> {
    const servers: SnapshotServer[] = []
    const known = ids.filter(isEntityId)
    for (let start = 0; start < known.length; start += PAGE_LENGTH) {
      const some = known.slice(start, start + PAGE_LENGTH)
      // oxlint-disable-next-line no-await-in-loop -- one connection runs one statement at a time
      const rows = await this.#session.kysely
        .selectFrom('servers')
        .select(SERVER_COLUMNS)
        .where(sql<boolean>`id = any(${some}::uuid[])`)
        .execute()
      // oxlint-disable-next-line no-await-in-loop
      servers.push(...(await this.#withEndpoints(rows)))
    }
    return servers
  }

  async #page(afterId: string | undefined): Promise<readonly SnapshotServer[]> {
    let query = this.#session.kysely
      .selectFrom('servers')
      .select(SERVER_COLUMNS)
      .orderBy('id')
      .limit(PAGE_LENGTH)
    if (afterId !== undefined) {
      query = query.where('id', '>', afterId)
    }
    return await this.#withEndpoints(await query.execute())
  }

  async #withEndpoints(servers: readonly ServerRow[]): Promise<readonly SnapshotServer[]> {
    if (servers.length === 0) {
      return []
    }
    const ids = servers.map(({ id }) => id)
    const rows = await this.#session.kysely
      .selectFrom('server_endpoints')
      .leftJoin('secrets', 'secrets.id', 'server_endpoints.secret_id')
      .leftJoin('endpoint_probes', 'endpoint_probes.endpoint_id', 'server_endpoints.id')
      .select(ENDPOINT_COLUMNS.map((column) => `server_endpoints.${column}` as const))
      .select(['secrets.ciphertext', 'secrets.key_id', 'endpoint_probes.status'])
      .where(sql<boolean>`server_endpoints.server_id = any(${ids}::uuid[])`)
      .orderBy('server_endpoints.server_id')
      .orderBy('server_endpoints.position')
      .execute()
    const endpoints = Map.groupBy(rows, ({ server_id: serverId }) => serverId)
    const grants = Map.groupBy(await this.#grants(ids), ({ serverId }) => serverId)
    const withheld = await this.#withheld(ids)
    return servers.map((server) => ({
      ...toServerRecord(
        server,
        (endpoints.get(server.id) ?? []).map((row) => ({
          ...toEndpointRecord(row),
          secret: toSecret(row),
          status: row.status ?? undefined,
        })),
      ),
      grants: grants.get(server.id),
      withheld: withheld.get(server.id),
    }))
  }

  async #withheld(serverIds: readonly string[]): Promise<ReadonlyMap<string, readonly WithheldCapability[]>> {
    const rows = await this.#session.kysely
      .selectFrom('capabilities')
      .select(['server_id', 'scope_key', 'kind', 'name', 'state', 'approved_hash'])
      .where(sql<boolean>`server_id = any(${serverIds}::uuid[])`)
      // As the index says it.
      .where(sql<boolean>`state in ('disabled', 'quarantined')`)
      .execute()
    const grouped = Map.groupBy(rows, ({ server_id: serverId }) => serverId)
    return new Map([...grouped].map(([serverId, held]) => [serverId, held.map(toWithheld)]))
  }

  async #grants(serverIds: readonly string[]): Promise<readonly StoredGrant[]> {
    const rows = await this.#session.kysely
      .selectFrom('upstream_grants')
      .select(GRANT_COLUMNS)
      .where(sql<boolean>`server_id = any(${serverIds}::uuid[])`)
      .execute()
    return rows.map(toStoredGrant)
  }
}

const toSecret = (row: {
  readonly secret_id: string | null
  readonly ciphertext: Uint8Array | null
  readonly key_id: string | null
}): StoredSecret | undefined =>
  row.secret_id === null || row.ciphertext === null || row.key_id === null
    ? undefined
    : { id: row.secret_id, ciphertext: row.ciphertext, keyId: row.key_id }

const toWithheld = (row: {
  readonly scope_key: string
  readonly kind: CapabilityKind
  readonly name: string
  readonly state: string
  readonly approved_hash: string | null
}): WithheldCapability => ({
  kind: row.kind,
  name: row.name,
  scopeKey: row.scope_key,
  state: row.state === 'disabled' ? 'disabled' : 'quarantined',
  wasApproved: row.approved_hash !== null,
})
