import type { TenantSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { decodeCursor, encodeCursor } from '../base/cursor.ts'
import { checkLimit, type Page, type PageRequest } from '../base/page.ts'
import { requireStorable } from '../base/storable-text.ts'
import { appendChange, lockTenant } from '../changes/append-change.ts'
import type { CapabilityKind } from '../schema/catalog-tables.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'

/** Under which name something of a server is shown in merged lists. */
export interface ExposedName {
  readonly kind: CapabilityKind
  /** Unique among those of its kind in the tenant; 1 to 1,200 bytes. */
  readonly exposed: string
  /** Of the server. */
  readonly slug: string
  /** How the server calls it; 1 to 1,024 bytes. */
  readonly original: string
}

/** The names under which the things of one tenant's servers are shown. A name that was given once is never given to anything else. */
export class ExposedNameRepository {
  readonly #session: TenantSession<RegistryDatabase>

  constructor(session: TenantSession<RegistryDatabase>) {
    this.#session = session
  }

  /**
   * Gives names to things of one server. What has a name already keeps it, whatever is wanted now. When a name was added, the
   * change log has one `exposed_names_added` of the slug.
   *
   * @param wanted by original name, the name that it is to be shown under.
   * @returns by original name, the name that it has. What wanted a name that something else has is missing: ask for another one.
   * @throws {ValidationError} a text cannot be stored.
   */
  async claim(
    kind: CapabilityKind,
    slug: string,
    wanted: ReadonlyMap<string, string>,
  ): Promise<ReadonlyMap<string, string>> {
    requireStorable([slug, ...wanted])
    await lockTenant(this.#session)
    const { kysely, tenantId } = this.#session
    const known = await this.#named(kind, slug, [...wanted.keys()])
    const rows = [...wanted]
      .filter(([original]) => !known.has(original))
      .map(([original, exposed]) => ({ original, exposed }))
    if (rows.length === 0) return known
    const added = await sql<{ original: string; exposed: string }>`
      insert into exposed_names (tenant_id, kind, exposed, slug, original)
      select ${tenantId}, ${kind}, exposed, ${slug}, original
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given (original text, exposed text)
      on conflict do nothing
      returning original, exposed
    `.execute(kysely)
    if (added.rows.length > 0) await appendChange(this.#session, 'exposed_names_added', slug)
    return new Map([...known, ...added.rows.map(({ original, exposed }) => [original, exposed] as const)])
  }

  /** Whose these names are, by name; those that nobody has are left out. */
  async resolve(kind: CapabilityKind, exposed: readonly string[]): Promise<ReadonlyMap<string, ExposedName>> {
    requireStorable(exposed)
    const rows = await this.#session.kysely
      .selectFrom('exposed_names')
      .select(['kind', 'exposed', 'slug', 'original'])
      .where('tenant_id', '=', this.#session.tenantId)
      .where('kind', '=', kind)
      .where(sql<boolean>`exposed = any(${[...new Set(exposed)]}::text[])`)
      .execute()
    return new Map(rows.map((row) => [row.exposed, row]))
  }

  /** All names of the things of one server. */
  async ofServer(slug: string): Promise<readonly ExposedName[]> {
    requireStorable(slug)
    return await this.#session.kysely
      .selectFrom('exposed_names')
      .select(['kind', 'exposed', 'slug', 'original'])
      .where('tenant_id', '=', this.#session.tenantId)
      .where('kind', 'in', ['tool', 'resource', 'resource_template', 'prompt'])
      .where('slug', '=', slug)
      .execute()
  }

  /**
   * One page of all names of the tenant, in the order of kind and name.
   *
   * @throws {ValidationError} `limit` or `cursor` is not good.
   */
  async list({ limit, cursor }: PageRequest): Promise<Page<ExposedName>> {
    checkLimit(limit)
    const [kind, exposed] = cursor === undefined ? [] : decodeCursor(cursor, 2)
    let query = this.#session.kysely
      .selectFrom('exposed_names')
      .select(['kind', 'exposed', 'slug', 'original'])
      .where('tenant_id', '=', this.#session.tenantId)
    if (kind !== undefined && exposed !== undefined) {
      query = query.where(sql<boolean>`(kind, exposed) > (${kind}::text, ${exposed}::text)`)
    }
    const rows = await query
      .orderBy('kind')
      .orderBy('exposed')
      .limit(limit + 1)
      .execute()
    const items = rows.slice(0, limit)
    const last = items.at(-1)
    const more = rows.length > limit && last !== undefined
    return { items, nextCursor: more ? encodeCursor([last.kind, last.exposed]) : undefined }
  }

  async #named(
    kind: CapabilityKind,
    slug: string,
    originals: readonly string[],
  ): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#session.kysely
      .selectFrom('exposed_names')
      .select(['original', 'exposed'])
      .where('tenant_id', '=', this.#session.tenantId)
      .where('kind', '=', kind)
      .where('slug', '=', slug)
      .where(sql<boolean>`original = any(${originals}::text[])`)
      .execute()
    return new Map(rows.map(({ original, exposed }) => [original, exposed]))
  }
}
