import { ConflictError, NotFoundError, SLUG_PATTERN } from '@mreg/core'
import { sql } from 'kysely'

import { BaseRepository } from '../base/base-repository.ts'
import { newEntityId } from '../base/entity-id.ts'
import { selectToolsets, toItemRows, toToolsetRecord } from './toolset-rows.ts'
import type { NewToolset, ToolsetItem, ToolsetPatch, ToolsetRecord } from './toolset.ts'

/** The toolsets of one tenant, with their items. Lists are in the order of their slugs. */
export class ToolsetRepository extends BaseRepository<ToolsetRecord, NewToolset, ToolsetPatch, object> {
  protected readonly noun = 'toolset'
  protected readonly sortKeyLength = 1

  /** undefined: there is none of that slug in this tenant. */
  async getBySlug(slug: string): Promise<ToolsetRecord | undefined> {
    if (!SLUG_PATTERN.test(slug)) return undefined
    const row = await this.#select().where('slug', '=', slug).executeTakeFirst()
    return row === undefined ? undefined : toToolsetRecord(row)
  }

  protected async insert(input: NewToolset): Promise<ToolsetRecord> {
    const id = newEntityId()
    const inserted = await this.session.kysely
      .insertInto('toolsets')
      .values({
        id,
        tenant_id: this.session.tenantId,
        slug: input.slug,
        title: input.title ?? null,
        description: input.description ?? null,
        managed_by: input.managedBy ?? 'api',
      })
      .onConflict((conflict) => conflict.constraint('toolsets_slug_key').doNothing())
      .returning('id')
      .executeTakeFirst()
    if (inserted === undefined) {
      const message = `the slug "${input.slug}" is taken by another toolset of this tenant: choose another, or change that toolset`
      throw new ConflictError('toolset_slug_taken', message)
    }
    await this.#insertItems(id, input.items)
    return await this.#stored(id)
  }

  protected async find(id: string): Promise<ToolsetRecord | undefined> {
    const row = await this.#select().where('toolsets.id', '=', id).executeTakeFirst()
    return row === undefined ? undefined : toToolsetRecord(row)
  }

  protected async findPage(
    _filter: object,
    after: readonly string[] | undefined,
    limit: number,
  ): Promise<readonly ToolsetRecord[]> {
    const query = after?.[0] === undefined ? this.#select() : this.#select().where('slug', '>', after[0])
    const rows = await query.orderBy('slug').limit(limit).execute()
    return rows.map(toToolsetRecord)
  }

  protected sortKeyOf({ slug }: ToolsetRecord): readonly string[] {
    return [slug]
  }

  protected async apply({ id }: ToolsetRecord, patch: ToolsetPatch): Promise<ToolsetRecord> {
    const { title, description, managedBy, items } = patch
    await this.session.kysely
      .updateTable('toolsets')
      .set({
        revision: sql<number>`revision + 1`,
        updated_at: sql<Date>`now()`,
        ...(title === undefined ? {} : { title }),
        ...(description === undefined ? {} : { description }),
        ...(managedBy === undefined ? {} : { managed_by: managedBy }),
      })
      .where('tenant_id', '=', this.session.tenantId)
      .where('id', '=', id)
      .execute()
    if (items !== undefined) {
      await this.session.kysely
        .deleteFrom('toolset_items')
        .where('tenant_id', '=', this.session.tenantId)
        .where('toolset_id', '=', id)
        .execute()
      await this.#insertItems(id, items)
    }
    return await this.#stored(id)
  }

  protected async remove({ id }: ToolsetRecord): Promise<void> {
    await this.session.kysely
      .deleteFrom('toolsets')
      .where('tenant_id', '=', this.session.tenantId)
      .where('id', '=', id)
      .execute()
  }

  #select() {
    return selectToolsets(this.session.kysely).where('toolsets.tenant_id', '=', this.session.tenantId)
  }

  async #insertItems(id: string, items: readonly ToolsetItem[]): Promise<void> {
    if (items.length === 0) return
    await this.session.kysely
      .insertInto('toolset_items')
      .values(toItemRows(this.session.tenantId, id, items))
      .execute()
  }

  async #stored(id: string): Promise<ToolsetRecord> {
    const toolset = await this.find(id)
    if (toolset === undefined) {
      throw new NotFoundError('toolset_not_found', `the toolset "${id}" vanished while it was being stored`)
    }
    return toolset
  }
}
