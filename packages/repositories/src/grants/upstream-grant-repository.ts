import type { TenantSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { isEntityId } from '../base/entity-id.ts'
import { appendChange, lockTenant } from '../changes/append-change.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import { GRANT_COLUMNS, type GrantKey, type StoredGrant, toStoredGrant } from './stored-grant.ts'

export type { GrantKey, StoredGrant } from './stored-grant.ts'

/** A grant before it is stored. */
export type NewGrant = Omit<StoredGrant, 'generation'>

/**
 * The sealed tokens that the principals of one tenant hold for its servers. Each change of a grant is in the change log as
 * `server_grant` of its server.
 */
export class UpstreamGrantRepository {
  readonly #session: TenantSession<RegistryDatabase>

  constructor(session: TenantSession<RegistryDatabase>) {
    this.#session = session
  }

  /**
   * Stores a grant in place of the one before, whatever that was.
   *
   * @returns false: there is no such server in this tenant.
   */
  async put(grant: NewGrant): Promise<boolean> {
    if (!isEntityId(grant.serverId)) return false
    await lockTenant(this.#session)
    const { kysely, tenantId } = this.#session
    const stored = await kysely
      .insertInto('upstream_grants')
      .columns(['tenant_id', 'server_id', 'principal_id', 'issuer', 'ciphertext', 'key_id', 'expires_at'])
      .expression((query) =>
        query
          .selectFrom('servers')
          .where('tenant_id', '=', tenantId)
          .where('id', '=', grant.serverId)
          .select([
            'tenant_id',
            'id',
            sql<string>`${grant.principalId}::text`.as('principal_id'),
            sql<string>`${grant.issuer}::text`.as('issuer'),
            sql<Uint8Array>`${grant.ciphertext}::bytea`.as('ciphertext'),
            sql<string>`${grant.keyId}::text`.as('key_id'),
            sql<Date | null>`${grant.expiresAt ?? null}::timestamptz`.as('expires_at'),
          ]),
      )
      .onConflict((conflict) =>
        conflict.columns(['tenant_id', 'server_id', 'principal_id']).doUpdateSet((eb) => ({
          issuer: eb.ref('excluded.issuer'),
          ciphertext: eb.ref('excluded.ciphertext'),
          key_id: eb.ref('excluded.key_id'),
          expires_at: eb.ref('excluded.expires_at'),
          generation: sql<number>`upstream_grants.generation + 1`,
          claimed_until: null,
          updated_at: eb.fn<Date>('now'),
        })),
      )
      .returning('server_id')
      .executeTakeFirst()
    if (stored === undefined) return false
    await appendChange(this.#session, 'server_grant', grant.serverId)
    return true
  }

  /** undefined: this principal has none for that server. */
  async get({ serverId, principalId }: GrantKey): Promise<StoredGrant | undefined> {
    if (!isEntityId(serverId)) return undefined
    const row = await this.#session.kysely
      .selectFrom('upstream_grants')
      .select(GRANT_COLUMNS)
      .where('tenant_id', '=', this.#session.tenantId)
      .where('server_id', '=', serverId)
      .where('principal_id', '=', principalId)
      .executeTakeFirst()
    return row === undefined ? undefined : toStoredGrant(row)
  }

  /**
   * Takes the right to refresh a grant: a refresh token is used up by its first use, so only one process may send it.
   *
   * @param leaseMs after how many milliseconds another may, if this one never comes back.
   * @returns false: another process has the right, or has replaced the grant already.
   */
  async claim({ serverId, principalId, generation }: StoredGrant, leaseMs: number): Promise<boolean> {
    const result = await this.#session.kysely
      .updateTable('upstream_grants')
      .set({ claimed_until: sql<Date>`now() + make_interval(secs => ${leaseMs / 1000}::float8)` })
      .where('tenant_id', '=', this.#session.tenantId)
      .where('server_id', '=', serverId)
      .where('principal_id', '=', principalId)
      .where('generation', '=', generation)
      .where((eb) => eb.or([eb('claimed_until', 'is', null), eb('claimed_until', '<', sql<Date>`now()`)]))
      .executeTakeFirst()
    return result.numUpdatedRows > 0n
  }

  /** Gives the right to refresh back after a try that changed nothing. */
  async unclaim({ serverId, principalId, generation }: StoredGrant): Promise<void> {
    await this.#session.kysely
      .updateTable('upstream_grants')
      .set({ claimed_until: null })
      .where('tenant_id', '=', this.#session.tenantId)
      .where('server_id', '=', serverId)
      .where('principal_id', '=', principalId)
      .where('generation', '=', generation)
      .execute()
  }

  /**
   * Replaces the tokens of a grant after a refresh.
   *
   * @param grant the new tokens, with the generation that they were made from.
   * @returns false: the grant is gone or was replaced meanwhile; what is stored stays.
   */
  async replace(grant: StoredGrant): Promise<boolean> {
    await lockTenant(this.#session)
    const result = await this.#session.kysely
      .updateTable('upstream_grants')
      .set({
        ciphertext: grant.ciphertext,
        key_id: grant.keyId,
        expires_at: grant.expiresAt ?? null,
        generation: grant.generation + 1,
        claimed_until: null,
        updated_at: sql<Date>`now()`,
      })
      .where('tenant_id', '=', this.#session.tenantId)
      .where('server_id', '=', grant.serverId)
      .where('principal_id', '=', grant.principalId)
      .where('generation', '=', grant.generation)
      .executeTakeFirst()
    if (result.numUpdatedRows === 0n) return false
    await appendChange(this.#session, 'server_grant', grant.serverId)
    return true
  }

  /**
   * Forgets a grant.
   *
   * @param generation only when it is still this one; undefined: in any case.
   * @returns false: there was none.
   */
  async delete({ serverId, principalId }: GrantKey, generation?: number): Promise<boolean> {
    if (!isEntityId(serverId)) return false
    await lockTenant(this.#session)
    let query = this.#session.kysely
      .deleteFrom('upstream_grants')
      .where('tenant_id', '=', this.#session.tenantId)
      .where('server_id', '=', serverId)
      .where('principal_id', '=', principalId)
    if (generation !== undefined) query = query.where('generation', '=', generation)
    const result = await query.executeTakeFirst()
    if (result.numDeletedRows === 0n) return false
    await appendChange(this.#session, 'server_grant', serverId)
    return true
  }
}
