import { ConflictError } from '@mreg/core'
import { sql } from 'kysely'

import { BaseRepository } from '../base/base-repository.ts'
import { newEntityId } from '../base/entity-id.ts'
import { type NewPolicy, type PolicyPatch, type PolicyRecord, toPolicyRecord } from './policy.ts'

/** The policies of one tenant. Lists are in the order of their names. */
export class PolicyRepository extends BaseRepository<PolicyRecord, NewPolicy, PolicyPatch, object> {
  protected readonly noun = 'policy'
  protected readonly sortKeyLength = 1

  protected async insert(input: NewPolicy): Promise<PolicyRecord> {
    const row = await this.session.kysely
      .insertInto('policies')
      .values({
        id: newEntityId(),
        tenant_id: this.session.tenantId,
        name: input.name,
        subject_kind: input.subject.kind,
        subject_id: input.subject.id,
        rules: JSON.stringify(input.rules),
        managed_by: input.managedBy ?? 'api',
      })
      .onConflict((conflict) => conflict.constraint('policies_name_key').doNothing())
      .returningAll()
      .executeTakeFirst()
    if (row === undefined) throw nameTaken(input.name)
    return toPolicyRecord(row)
  }

  protected async find(id: string): Promise<PolicyRecord | undefined> {
    const row = await this.#select().where('id', '=', id).executeTakeFirst()
    return row === undefined ? undefined : toPolicyRecord(row)
  }

  protected async findPage(
    _filter: object,
    after: readonly string[] | undefined,
    limit: number,
  ): Promise<readonly PolicyRecord[]> {
    const query = after?.[0] === undefined ? this.#select() : this.#select().where('name', '>', after[0])
    const rows = await query.orderBy('name').limit(limit).execute()
    return rows.map(toPolicyRecord)
  }

  protected sortKeyOf({ name }: PolicyRecord): readonly string[] {
    return [name]
  }

  protected async apply(current: PolicyRecord, patch: PolicyPatch): Promise<PolicyRecord> {
    const { name, subject, rules, managedBy } = patch
    if (name !== undefined && name !== current.name) await this.#requireFree(name)
    const row = await this.session.kysely
      .updateTable('policies')
      .set({
        revision: sql<number>`revision + 1`,
        updated_at: sql<Date>`now()`,
        ...(name === undefined ? {} : { name }),
        ...(subject === undefined ? {} : { subject_kind: subject.kind, subject_id: subject.id }),
        ...(rules === undefined ? {} : { rules: JSON.stringify(rules) }),
        ...(managedBy === undefined ? {} : { managed_by: managedBy }),
      })
      .where('tenant_id', '=', this.session.tenantId)
      .where('id', '=', current.id)
      .returningAll()
      .executeTakeFirstOrThrow()
    return toPolicyRecord(row)
  }

  protected async remove({ id }: PolicyRecord): Promise<void> {
    await this.session.kysely
      .deleteFrom('policies')
      .where('tenant_id', '=', this.session.tenantId)
      .where('id', '=', id)
      .execute()
  }

  /** The tenant is locked, so a name that is free stays free. */
  async #requireFree(name: string): Promise<void> {
    const other = await this.#select().where('name', '=', name).executeTakeFirst()
    if (other !== undefined) throw nameTaken(name)
  }

  #select() {
    return this.session.kysely
      .selectFrom('policies')
      .selectAll()
      .where('tenant_id', '=', this.session.tenantId)
  }
}

const nameTaken = (name: string): ConflictError =>
  new ConflictError(
    'policy_name_taken',
    `another policy of this tenant is called "${name}": choose another name`,
  )
