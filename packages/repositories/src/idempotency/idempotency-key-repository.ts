import type { TenantSession } from '@mreg/db-pool'

import { requireStorable } from '../base/storable-text.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'

/** Which request: a key is chosen by whoever asks, so it is one principal's. */
export interface IdempotencyKey {
  readonly principalId: string
  /** 1 to 255 bytes. */
  readonly key: string
}

/**
 * What is known of a key: `new`, it is this session's to answer; `answered`, with what was answered; `other`, it came with
 * another request before.
 */
export type IdempotencyClaim =
  | { readonly kind: 'new' }
  | { readonly kind: 'answered'; readonly answer: unknown }
  | { readonly kind: 'other' }

/**
 * Requests that may come twice and must be done once. `begin`, the work and `complete` belong into one session: then the key
 * is taken exactly when the work is committed.
 */
export class IdempotencyKeyRepository {
  readonly #session: TenantSession<RegistryDatabase>

  constructor(session: TenantSession<RegistryDatabase>) {
    this.#session = session
  }

  /**
   * Takes a key. While another session that took it is not finished, this one waits (as long as the pool's lock time-out),
   * and then finds its answer; or takes the key, if the other one was rolled back.
   *
   * @param fingerprint of the request, such as a hash of method, path and body.
   * @throws {ValidationError} a text cannot be stored.
   * @throws {SessionError} `lock-timeout`: the other one is not finished yet.
   */
  async begin({ principalId, key }: IdempotencyKey, fingerprint: string): Promise<IdempotencyClaim> {
    requireStorable({ principalId, key, fingerprint })
    const { kysely, tenantId } = this.#session
    const taken = await kysely
      .insertInto('idempotency_keys')
      .values({ tenant_id: tenantId, principal_id: principalId, key, fingerprint })
      .onConflict((conflict) => conflict.columns(['tenant_id', 'principal_id', 'key']).doNothing())
      .returning('key')
      .executeTakeFirst()
    if (taken !== undefined) return { kind: 'new' }
    const known = await kysely
      .selectFrom('idempotency_keys')
      .select(['fingerprint', 'answer'])
      .where('tenant_id', '=', tenantId)
      .where('principal_id', '=', principalId)
      .where('key', '=', key)
      .executeTakeFirst()
    return known?.fingerprint === fingerprint ? { kind: 'answered', answer: known.answer } : { kind: 'other' }
  }

  /** Keeps what was answered; any JSON. */
  async complete({ principalId, key }: IdempotencyKey, answer: unknown): Promise<void> {
    requireStorable(answer)
    await this.#session.kysely
      .updateTable('idempotency_keys')
      .set({ answer: JSON.stringify(answer) })
      .where('tenant_id', '=', this.#session.tenantId)
      .where('principal_id', '=', principalId)
      .where('key', '=', key)
      .execute()
  }
}
