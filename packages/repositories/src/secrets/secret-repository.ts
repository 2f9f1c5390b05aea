import type { TenantSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { isEntityId } from '../base/entity-id.ts'
import { appendChange, lockTenant } from '../changes/append-change.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'

/** A secret as it is stored: sealed by whoever uses it. This package never sees what is inside. */
export interface StoredSecret {
  /** Made by the caller (`newEntityId`), so that it can be part of what is authenticated. */
  readonly id: string
  readonly ciphertext: Uint8Array
  /** Which key it is sealed with. */
  readonly keyId: string
}

/** The sealed secrets of one tenant. */
export class SecretRepository {
  readonly #session: TenantSession<RegistryDatabase>

  constructor(session: TenantSession<RegistryDatabase>) {
    this.#session = session
  }

  /** Stores a secret, or replaces it; servers whose endpoints name it get a new revision and are in the change log. */
  async put({ id, ciphertext, keyId }: StoredSecret): Promise<void> {
    await lockTenant(this.#session)
    const { kysely, tenantId } = this.#session
    await kysely
      .insertInto('secrets')
      .values({ id, tenant_id: tenantId, ciphertext, key_id: keyId })
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((eb) => ({
          ciphertext: eb.ref('excluded.ciphertext'),
          key_id: eb.ref('excluded.key_id'),
          updated_at: eb.fn<Date>('now'),
        })),
      )
      .execute()
    // A new revision of the server, because whoever holds a connection to it goes by that.
    const users = await kysely
      .updateTable('servers')
      .set({ revision: sql<number>`revision + 1`, updated_at: sql<Date>`now()` })
      .where('tenant_id', '=', tenantId)
      .where('id', 'in', (query) =>
        query
          .selectFrom('server_endpoints')
          .select('server_id')
          .where('tenant_id', '=', tenantId)
          .where('secret_id', '=', id),
      )
      .returning('id')
      .execute()
    for (const { id: serverId } of users) {
      // oxlint-disable-next-line no-await-in-loop -- one connection runs one statement at a time
      await appendChange(this.#session, 'server_updated', serverId)
    }
  }

  /** undefined: there is none of that id in this tenant. */
  async get(id: string): Promise<StoredSecret | undefined> {
    if (!isEntityId(id)) {
      return undefined
    }
    const row = await this.#session.kysely
      .selectFrom('secrets')
      .select(['ciphertext', 'key_id'])
      .where('tenant_id', '=', this.#session.tenantId)
      .where('id', '=', id)
      .executeTakeFirst()
    return row === undefined ? undefined : { id, ciphertext: row.ciphertext, keyId: row.key_id }
  }

  /**
   * Removes a secret that no endpoint names. (The secrets of a server go with it.)
   *
   * @returns false: there was none of that id in this tenant, or an endpoint names it.
   */
  async delete(id: string): Promise<boolean> {
    if (!isEntityId(id)) {
      return false
    }
    const { kysely, tenantId } = this.#session
    const result = await kysely
      .deleteFrom('secrets')
      .where('tenant_id', '=', tenantId)
      .where('id', '=', id)
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('server_endpoints')
              .select('server_endpoints.id')
              .where('server_endpoints.tenant_id', '=', tenantId)
              .where('server_endpoints.secret_id', '=', id),
          ),
        ),
      )
      .executeTakeFirst()
    return result.numDeletedRows > 0n
  }
}
