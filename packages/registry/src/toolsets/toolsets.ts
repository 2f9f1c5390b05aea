import { NotFoundError, parseInput, type Principal, requireRole } from '@mreg/core'
import type { DatabasePool, TenantSession } from '@mreg/db-pool'
import {
  AuditEventRepository,
  newEntityId,
  type RegistryDatabase,
  type ToolsetRecord,
  ToolsetRepository,
} from '@mreg/repositories'

import type { ChangeFeed } from '../change-feed.ts'
import { requireManagedByApi } from '../require-managed-by-api.ts'
import {
  type ToolsetInput,
  toolsetInputSchema,
  type ToolsetPatch,
  toolsetPatchSchema,
} from './toolset-input.ts'
import { type ToolsetView, toolsetView } from './toolset-view.ts'

export interface ToolsetsOptions {
  readonly database: DatabasePool<RegistryDatabase>
  readonly changes: ChangeFeed
}

type Session = TenantSession<RegistryDatabase>

/**
 * Named selections of what servers offer: the one door for everything that changes them, which only administrators may. A change
 * is served as soon as it has been answered.
 */
export class Toolsets {
  readonly #options: ToolsetsOptions

  constructor(options: ToolsetsOptions) {
    this.#options = options
  }

  /**
   * @throws {ValidationError} the input is wrong.
   * @throws {ConflictError} `toolset_slug_taken`.
   * @throws {ForbiddenError} `role_too_low`.
   */
  async create(principal: Principal, input: ToolsetInput, requestId?: string): Promise<ToolsetView> {
    requireRole(principal, 'admin')
    const toolset = parseInput(toolsetInputSchema, input)
    return toolsetView(
      await this.#write(principal, async (session) => {
        const made = await new ToolsetRepository(session).create(toolset)
        await note(session, 'create', made, { principal, requestId })
        return made
      }),
    )
  }

  /** @throws {NotFoundError} `toolset_not_found`. */
  async get(principal: Principal, slug: string): Promise<ToolsetView> {
    return toolsetView(await this.#read(principal, (session) => find(session, slug)))
  }

  /** A page of the toolsets, ordered by slug. */
  async list(
    principal: Principal,
    page: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<{ items: ToolsetView[]; nextCursor?: string }> {
    return this.#read(principal, async (session) => {
      const { items, nextCursor } = await new ToolsetRepository(session).list(page)
      const views = items.map(toolsetView)
      return nextCursor === undefined ? { items: views } : { items: views, nextCursor }
    })
  }

  /**
   * @throws {NotFoundError} `toolset_not_found`.
   * @throws {ConflictError} `revision_mismatch`, or `managed_by_…` when something else than the API manages it.
   * @throws {ForbiddenError} `role_too_low`.
   */
  async update(
    principal: Principal,
    slug: string,
    patch: ToolsetPatch,
    requestId?: string,
  ): Promise<ToolsetView> {
    requireRole(principal, 'admin')
    const { revision, ...changes } = parseInput(toolsetPatchSchema, patch)
    return toolsetView(
      await this.#write(principal, async (session) => {
        const { id } = requireManagedByApi(await find(session, slug))
        const changed = await new ToolsetRepository(session).update(id, changes, {
          expectedRevision: revision,
        })
        await note(session, 'update', changed, { principal, requestId })
        return changed
      }),
    )
  }

  /**
   * @param revision that the caller has seen; undefined: whatever is there is removed.
   * @throws {NotFoundError} `toolset_not_found`.
   * @throws {ConflictError} `revision_mismatch`, or `managed_by_…`.
   * @throws {ForbiddenError} `role_too_low`.
   */
  async remove(
    principal: Principal,
    slug: string,
    { revision }: { readonly revision?: number | undefined } = {},
    requestId?: string,
  ): Promise<void> {
    requireRole(principal, 'admin')
    await this.#write(principal, async (session) => {
      const toolset = requireManagedByApi(await find(session, slug))
      await new ToolsetRepository(session).delete(toolset.id, { expectedRevision: revision })
      await note(session, 'delete', toolset, { principal, requestId })
    })
  }

  #read<Result>(principal: Principal, work: (session: Session) => Promise<Result>): Promise<Result> {
    return this.#options.database.tenantSession(principal.tenantId, work)
  }

  /** A change, after which everything in this process that follows the registry knows it. */
  async #write<Result>(principal: Principal, work: (session: Session) => Promise<Result>): Promise<Result> {
    const result = await this.#read(principal, work)
    await this.#options.changes.catchUp()
    return result
  }
}

/** Notes who changed a toolset, in the transaction that does. */
const note = async (
  session: Session,
  action: 'create' | 'update' | 'delete',
  { id, items, revision, slug }: ToolsetRecord,
  { principal, requestId }: { readonly principal: Principal; readonly requestId: string | undefined },
): Promise<void> => {
  await new AuditEventRepository(session).append([
    {
      id: newEntityId(),
      principalId: principal.id,
      action: `toolset.${action}`,
      objectId: id,
      outcome: 'success',
      requestId,
      details: { toolset: slug, revision, rules: items.length },
    },
  ])
}

const find = async (session: Session, slug: string): Promise<ToolsetRecord> => {
  const toolset = await new ToolsetRepository(session).getBySlug(slug)
  if (toolset !== undefined) return toolset
  throw new NotFoundError('toolset_not_found', `no toolset is called ${JSON.stringify(slug)}`)
}
