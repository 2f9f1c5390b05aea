import { ConflictError, NotFoundError, type ServerRecord, type ServerStatus, SLUG_PATTERN } from '@mreg/core'
import { sql } from 'kysely'

import { BaseRepository } from '../base/base-repository.ts'
import { newEntityId } from '../base/entity-id.ts'
import { appendChange, lockTenant } from '../changes/append-change.ts'
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
   * Brings the status up to date with what probes found: `decide` is given what is known now, while nobody else changes it.
   *
   * @returns what changed; undefined: nothing did, or there is no such server in this tenant.
   */
  async settleStatus(
    id: string,
    decide: (found: readonly ServerStatus[]) => ServerStatus,
  ): Promise<{ readonly slug: string; readonly from: ServerStatus; readonly to: ServerStatus } | undefined> {
    await lockTenant(this.session)
    const [known] = await new EndpointProbeRepository(this.session).statusesOf([id])
    const server = await this.getById(id)
    if (known === undefined || server === undefined) return undefined
    const to = decide(known.found)
    return (await this.setStatus(id, to)) ? { slug: server.slug, from: server.status, to } : undefined
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
    const { title, description, version, tags, visibility, settings, managedBy, endpoints } = patch
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
