import { ConflictError } from '@mreg/core'
import { sql } from 'kysely'

import { BaseRepository } from '../base/base-repository.ts'
import { requireCursorId } from '../base/cursor.ts'
import { newEntityId } from '../base/entity-id.ts'
import {
  API_KEY_COLUMNS,
  type ApiKeyPatch,
  type ApiKeyRecord,
  type NewApiKey,
  toApiKeyRecord,
} from './api-key.ts'

/**
 * The keys of one tenant, oldest first in lists. Gateways follow their changes in the log (`api_key_created`,
 * `api_key_updated`, `api_key_deleted`), so that a revocation is known everywhere at once.
 */
export class ApiKeyRepository extends BaseRepository<ApiKeyRecord, NewApiKey, ApiKeyPatch, object> {
  protected readonly noun = 'api_key'
  protected readonly sortKeyLength = 1

  /** How many there are. */
  async count(): Promise<number> {
    const { count } = await this.session.kysely
      .selectFrom('api_keys')
      .select(({ fn }) => fn.countAll().as('count'))
      .where('tenant_id', '=', this.session.tenantId)
      .executeTakeFirstOrThrow()
    return Number(count)
  }

  protected async insert(input: NewApiKey): Promise<ApiKeyRecord> {
    const row = await this.session.kysely
      .insertInto('api_keys')
      .values({
        id: input.id ?? newEntityId(),
        tenant_id: this.session.tenantId,
        lookup_id: input.lookupId,
        hash: input.hash,
        name: input.name,
        principal_id: input.principalId,
        role: input.role,
        scopes: JSON.stringify(input.scopes ?? {}),
        expires_at: input.expiresAt ?? null,
      })
      .onConflict((conflict) => conflict.column('lookup_id').doNothing())
      .returning(API_KEY_COLUMNS)
      .executeTakeFirst()
    if (row === undefined) {
      throw new ConflictError('api_key_lookup_id_taken', 'another key has this lookup id: make a new one')
    }
    return toApiKeyRecord(row)
  }

  protected async find(id: string): Promise<ApiKeyRecord | undefined> {
    const row = await this.session.kysely
      .selectFrom('api_keys')
      .select(API_KEY_COLUMNS)
      .where('tenant_id', '=', this.session.tenantId)
      .where('id', '=', id)
      .executeTakeFirst()
    return row === undefined ? undefined : toApiKeyRecord(row)
  }

  protected async findPage(
    _filter: object,
    after: readonly string[] | undefined,
    limit: number,
  ): Promise<readonly ApiKeyRecord[]> {
    let query = this.session.kysely
      .selectFrom('api_keys')
      .select(API_KEY_COLUMNS)
      .where('tenant_id', '=', this.session.tenantId)
    if (after?.[0] !== undefined) query = query.where('id', '>', requireCursorId(after[0]))
    const rows = await query.orderBy('id').limit(limit).execute()
    return rows.map(toApiKeyRecord)
  }

  protected sortKeyOf({ id }: ApiKeyRecord): readonly string[] {
    return [id]
  }

  protected async apply({ id }: ApiKeyRecord, patch: ApiKeyPatch): Promise<ApiKeyRecord> {
    const { name, role, scopes, expiresAt, hash, revoked } = patch
    const row = await this.session.kysely
      .updateTable('api_keys')
      .set({
        revision: sql<number>`revision + 1`,
        updated_at: sql<Date>`now()`,
        ...(name === undefined ? {} : { name }),
        ...(role === undefined ? {} : { role }),
        ...(scopes === undefined ? {} : { scopes: JSON.stringify(scopes) }),
        ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
        ...(hash === undefined ? {} : { hash }),
        ...(revoked === undefined ? {} : { revoked_at: sql<Date>`coalesce(revoked_at, now())` }),
      })
      .where('tenant_id', '=', this.session.tenantId)
      .where('id', '=', id)
      .returning(API_KEY_COLUMNS)
      .executeTakeFirstOrThrow()
    return toApiKeyRecord(row)
  }

  protected async remove({ id }: ApiKeyRecord): Promise<void> {
    await this.session.kysely
      .deleteFrom('api_keys')
      .where('tenant_id', '=', this.session.tenantId)
      .where('id', '=', id)
      .execute()
  }
}
