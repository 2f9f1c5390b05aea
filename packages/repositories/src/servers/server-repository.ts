import {
  ConflictError,
  NotFoundError,
  type ServerRecord,
  type ServerSettings,
  type ServerStatus,
  SLUG_PATTERN,
} from '@mreg/core'
import { sql } from 'kysely'

import { BaseRepository } from '../base/base-repository.ts'
import { isEntityId, newEntityId } from '../base/entity-id.ts'
import { appendChange, appendChanges, lockTenant } from '../changes/append-change.ts'
import { EndpointProbeRepository } from '../probes/endpoint-probe-repository.ts'
import { dropUnusedSecrets, storeEndpoints } from './endpoint-store.ts'
import { idsOfServers } from './filter-servers.ts'
import type { NewServer, ServerFilter, ServerPatch } from './new-server.ts'
import { selectServers, type ServerQuery } from './select-servers.ts'
import { toEndpointRecord, toServerRecord } from './server-row.ts'
import { type ServerStatistics, toServerStatistics } from './server-statistics.ts'

/** The servers of one tenant, with their endpoints. Lists are in the order of their slugs. */
export class ServerRepository extends BaseRepository<ServerRecord, NewServer, ServerPatch, ServerFilter> {
  protected readonly noun = 'server'
  protected readonly sortKeyLength = 1

  /** undefined: there is none of that slug in this tenant. */
  async getBySlug(slug: string): Promise<ServerRecord | undefined> {
    return SLUG_PATTERN.test(slug)
      ? await this.#one(selectServers(this.session).where('servers.slug', '=', slug))
      : undefined
  }

  /** What is set for these servers, by id; those that do not exist are left out. */
  async settingsOf(ids: readonly string[]): Promise<ReadonlyMap<string, ServerSettings>> {
    const rows = await this.session.kysely
      .selectFrom('servers')
      .select(['id', 'settings'])
      .where('tenant_id', '=', this.session.tenantId)
      .where(sql<boolean>`id = any(${ids.filter(isEntityId)}::uuid[])`)
      .execute()
    return new Map(rows.map(({ id, settings }) => [id, settings]))
  }

  /**
   * Says how the server is doing. A new status is in the change log; the server's revision stays, because
   * nobody edited it.
   *
   * @returns whether that is news.
   * @throws {NotFoundError} code `server_not_found`.
   */
  async setStatus(id: string, status: ServerStatus): Promise<boolean> {
    await lockTenant(this.session)
    const server = await this.getById(id)
    if (server === undefined) {
      throw this.notFound(id)
    }
    if (server.status === status) {
      return false
    }
    await this.session.kysely
      .updateTable('servers')
      .set({ status })
      .where('tenant_id', '=', this.session.tenantId)
      .where('id', '=', id)
      .execute()
    await appendChange(this.session, 'server_status', id)
    return true
  }

  /**
   * Brings the statuses of servers up to date with what probes found: `decide` is given what is known of the endpoints of each
   * now, while nobody else changes it. Those in maintenance stay that. Left out are servers that are not of this tenant.
   *
   * @param news servers about whose endpoints something is to be announced, whatever becomes of their status.
   */
  async settleStatuses(
    ids: readonly string[],
    decide: (found: readonly ServerStatus[]) => ServerStatus,
    news: ReadonlySet<string> = new Set(),
  ): Promise<void> {
    await lockTenant(this.session)
    const settled = (await new EndpointProbeRepository(this.session).statusesOf(ids)).map((known) => ({
      ...known,
      to: known.maintenance ? ('maintenance' as const) : decide(known.found),
    }))
    const changed = settled.filter(({ status, to }) => status !== to)
    if (changed.length > 0) {
      await sql`
        update servers set status = given.status
        from unnest(${changed.map(({ serverId }) => serverId)}::uuid[], ${changed.map(({ to }) => to)}::text[])
          as given (id, status)
        where servers.id = given.id and tenant_id = ${this.session.tenantId}
      `.execute(this.session.kysely)
    }
    const told = settled.filter(({ serverId, status, to }) => status !== to || news.has(serverId))
    if (told.length > 0) {
      await appendChanges(
        this.session,
        'server_status',
        told.map(({ serverId }) => serverId),
      )
    }
  }

  /** How many servers the tenant has; one look at counts that are kept up to date, however many there are. */
  async statistics(): Promise<ServerStatistics> {
    const rows = await this.session.kysely
      .selectFrom('server_counts')
      .select(['dimension', 'value', 'count'])
      .where('tenant_id', '=', this.session.tenantId)
      .execute()
    return toServerStatistics(rows)
  }

  protected async insert(input: NewServer): Promise<ServerRecord> {
    const id = input.id ?? newEntityId()
    // The tenant is locked, so a slug that is taken is known now; a violated constraint would end the transaction.
    const inserted = await this.session.kysely
      .insertInto('servers')
      .values({
        id,
        tenant_id: this.session.tenantId,
        slug: input.slug,
        title: input.title ?? null,
        description: input.description ?? null,
        version: input.version ?? null,
        tags: [...(input.tags ?? [])],
        visibility: input.visibility ?? 'private',
        settings: JSON.stringify(input.settings ?? {}),
        managed_by: input.managedBy ?? 'api',
      })
      .onConflict((conflict) => conflict.constraint('servers_slug_key').doNothing())
      .returning('id')
      .executeTakeFirst()
    if (inserted === undefined) {
      const message = `the slug "${input.slug}" is taken by another server of this tenant: choose another, or change that server`
      throw new ConflictError('server_slug_taken', message)
    }
    await storeEndpoints(this.session, id, [], input.endpoints)
    return await this.#stored(id)
  }

  protected async find(id: string): Promise<ServerRecord | undefined> {
    return await this.#one(selectServers(this.session).where('servers.id', '=', id))
  }

  protected async findPage(
    filter: ServerFilter,
    after: readonly string[] | undefined,
    limit: number,
  ): Promise<readonly ServerRecord[]> {
    const rows = await selectServers(this.session)
      .where('servers.id', 'in', idsOfServers(this.session, filter, after?.[0], limit))
      .orderBy('servers.slug')
      .execute()
    return rows.map(({ endpoints, ...row }) => toServerRecord(row, endpoints.map(toEndpointRecord)))
  }

  protected sortKeyOf({ slug }: ServerRecord): readonly string[] {
    return [slug]
  }

  protected async apply(current: ServerRecord, patch: ServerPatch): Promise<ServerRecord> {
    const { title, description, version, tags, visibility, settings, managedBy, maintenance, endpoints } =
      patch
    await this.session.kysely
      .updateTable('servers')
      .set({
        revision: sql<number>`revision + 1`,
        updated_at: sql<Date>`now()`,
        ...(title === undefined ? {} : { title }),
        ...(description === undefined ? {} : { description }),
        ...(version === undefined ? {} : { version }),
        ...(tags === undefined ? {} : { tags: [...tags] }),
        ...(visibility === undefined ? {} : { visibility }),
        ...(settings === undefined ? {} : { settings: JSON.stringify(settings) }),
        ...(managedBy === undefined ? {} : { managed_by: managedBy }),
        ...(maintenance === undefined || maintenance === current.maintenance
          ? {}
          : { maintenance, status: maintenance ? 'maintenance' : 'unknown' }),
      })
      .where('tenant_id', '=', this.session.tenantId)
      .where('id', '=', current.id)
      .execute()
    if (endpoints !== undefined) {
      await storeEndpoints(this.session, current.id, current.endpoints, endpoints)
    }
    return await this.#stored(current.id)
  }

  protected async remove(current: ServerRecord): Promise<void> {
    await this.session.kysely
      .deleteFrom('servers')
      .where('tenant_id', '=', this.session.tenantId)
      .where('id', '=', current.id)
      .execute()
    await dropUnusedSecrets(this.session, current.endpoints)
  }

  async #one(query: ServerQuery): Promise<ServerRecord | undefined> {
    const row = await query.executeTakeFirst()
    if (row === undefined) {
      return undefined
    }
    const { endpoints, ...server } = row
    return toServerRecord(server, endpoints.map(toEndpointRecord))
  }

  async #stored(id: string): Promise<ServerRecord> {
    const server = await this.find(id)
    if (server === undefined) {
      throw new NotFoundError('server_not_found', `the server "${id}" vanished while it was being stored`)
    }
    return server
  }
}
