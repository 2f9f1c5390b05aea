import { ConflictError, NotFoundError } from '@mreg/core'
import type { TenantSession } from '@mreg/db-pool'

import { appendChange, lockTenant } from '../changes/append-change.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { isEntityId } from './entity-id.ts'
import { checkLimit, type Page, type PageRequest } from './page.ts'
import { requireStorable } from './storable-text.ts'

/** What every aggregate has. */
export interface Entity {
  readonly id: string
  /** Grows with each change. */
  readonly revision: number
}

/** How a change is guarded. */
export interface UpdateOptions {
  /** The revision that the caller has seen; undefined: whatever is there is changed. */
  readonly expectedRevision?: number | undefined
}

/**
 * The shape of every repository of a tenant: who writes queues at the tenant's counter row first, and each
 * write is in the change log of the same transaction. A subclass knows its tables.
 */
export abstract class BaseRepository<Item extends Entity, NewItem, Patch, Filter extends object> {
  protected readonly session: TenantSession<RegistryDatabase>
  /** The start of error codes and change kinds, in `snake_case`. */
  protected abstract readonly noun: string
  /** How many parts {@link sortKeyOf} gives. */
  protected abstract readonly sortKeyLength: number

  constructor(session: TenantSession<RegistryDatabase>) {
    this.session = session
  }

  /**
   * @throws {ConflictError} a name is taken.
   * @throws {ValidationError} a text cannot be stored.
   */
  async create(input: NewItem): Promise<Item> {
    requireStorable(input)
    await lockTenant(this.session)
    const item = await this.insert(input)
    await appendChange(this.session, `${this.noun}_created`, item.id)
    return item
  }

  /** undefined: there is none of that id in this tenant. */
  async getById(id: string): Promise<Item | undefined> {
    return isEntityId(id) ? await this.find(id) : undefined
  }

  /**
   * One page, in a fixed order. A cursor stays good whatever is added or removed meanwhile.
   *
   * @throws {ValidationError} `limit`, `cursor` or a filter is not good.
   */
  async list({ limit, cursor, ...filter }: PageRequest & Filter): Promise<Page<Item>> {
    requireStorable(filter)
    checkLimit(limit)
    const after = cursor === undefined ? undefined : decodeCursor(cursor, this.sortKeyLength)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is left of a PageRequest & Filter
    const found = await this.findPage(filter as unknown as Filter, after, limit + 1)
    const items = found.slice(0, limit)
    const last = items.at(-1)
    const more = found.length > limit && last !== undefined
    return { items, nextCursor: more ? encodeCursor(this.sortKeyOf(last)) : undefined }
  }

  /**
   * Changes what `patch` names and nothing else.
   *
   * @throws {NotFoundError} code `<noun>_not_found`.
   * @throws {ConflictError} code `revision_mismatch`: somebody changed it since.
   * @throws {ValidationError} a text cannot be stored.
   */
  async update(id: string, patch: Patch, { expectedRevision }: UpdateOptions = {}): Promise<Item> {
    requireStorable(patch)
    await lockTenant(this.session)
    const current = await this.getById(id)
    if (current === undefined) {
      throw this.notFound(id)
    }
    this.#requireRevision(current, expectedRevision)
    const item = await this.apply(current, patch)
    await appendChange(this.session, `${this.noun}_updated`, id)
    return item
  }

  /**
   * @returns false: there was none of that id in this tenant.
   * @throws {ConflictError} code `revision_mismatch`: somebody changed it since.
   */
  async delete(id: string, { expectedRevision }: UpdateOptions = {}): Promise<boolean> {
    await lockTenant(this.session)
    const current = await this.getById(id)
    if (current === undefined) {
      return false
    }
    this.#requireRevision(current, expectedRevision)
    await this.remove(current)
    await appendChange(this.session, `${this.noun}_deleted`, id)
    return true
  }

  protected notFound(id: string): NotFoundError {
    return new NotFoundError(`${this.noun}_not_found`, `there is no ${this.noun} "${id}"`)
  }

  #requireRevision({ revision }: Item, expected: number | undefined): void {
    if (expected !== undefined && expected !== revision) {
      const message = `the ${this.noun} is at revision ${revision}, not ${expected}: read it again and repeat the change`
      throw new ConflictError('revision_mismatch', message)
    }
  }

  /** Stores a new item. The tenant is locked. */
  protected abstract insert(input: NewItem): Promise<Item>
  /** `id` is well formed. */
  protected abstract find(id: string): Promise<Item | undefined>
  /** At most `limit` items that match `filter` and sort after `after`. */
  protected abstract findPage(
    filter: Filter,
    after: readonly string[] | undefined,
    limit: number,
  ): Promise<readonly Item[]>
  protected abstract sortKeyOf(item: Item): readonly string[]
  /** Stores `patch` and gives the item with its next revision. The tenant is locked. */
  protected abstract apply(current: Item, patch: Patch): Promise<Item>
  /** The tenant is locked. */
  protected abstract remove(current: Item): Promise<void>
}
