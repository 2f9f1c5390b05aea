import {
  type ChangePolicy,
  changePolicyOf,
  NotFoundError,
  parseInput,
  type Principal,
  requireRole,
} from '@mreg/core'
import type { DatabasePool, TenantSession } from '@mreg/db-pool'
import {
  AuditEventRepository,
  CapabilityRepository,
  type CapabilityRecord,
  ExposedNameRepository,
  newEntityId,
  type RegistryDatabase,
} from '@mreg/repositories'

import { changeControlOf } from '../catalog/change-control.ts'
import type { ChangeFeed } from '../change-feed.ts'
import { findServer } from '../find-server.ts'
import {
  type CapabilityDecisions,
  capabilityDecisionsSchema,
  type CapabilityQuery,
} from './capability-decisions.ts'
import { type CapabilityView, capabilityView, isWaiting } from './capability-view.ts'

export interface CapabilityReviewOptions {
  readonly database: DatabasePool<RegistryDatabase>
  readonly changeFeed: ChangeFeed
  /** What becomes of definitions that nobody has approved, unless a server has a policy of its own. */
  readonly changes: ChangePolicy
}

type Session = TenantSession<RegistryDatabase>

/** What servers offer, for people who decide what of it clients have. */
export class CapabilityReview {
  readonly #options: CapabilityReviewOptions

  constructor(options: CapabilityReviewOptions) {
    this.#options = options
  }

  /**
   * A page of what a server offers, in the order of kind and name.
   *
   * @throws {NotFoundError} `server_not_found`.
   * @throws {ValidationError} `limit` or `cursor` is not good.
   */
  list(
    principal: Principal,
    idOrSlug: string,
    {
      kind,
      state,
      principal: owner,
      ...page
    }: CapabilityQuery & {
      readonly limit: number
      readonly cursor?: string | undefined
    },
  ): Promise<{ items: CapabilityView[]; nextCursor?: string }> {
    return this.#options.database.tenantSession(principal.tenantId, async (session) => {
      const server = await findServer(session, idOrSlug)
      const states = state === 'waiting' ? (['changed', 'quarantined'] as const) : state && [state]
      const { items, nextCursor } = await new CapabilityRepository(session).listForServer(server.id, {
        ...page,
        kind,
        states,
        scopeKey: owner ?? '',
      })
      const views = await viewsOf(session, server.slug, items)
      return nextCursor === undefined ? { items: views } : { items: views, nextCursor }
    })
  }

  /**
   * Approves, switches off or switches on, all or nothing. Once it has been answered, calls follow it.
   *
   * @returns what was decided about, as it is now.
   * @throws {ForbiddenError} the principal is no administrator.
   * @throws {NotFoundError} `server_not_found`; `capability_not_found`: the server was never seen to offer one of them.
   * @throws {ConflictError} `definition_changed`: one has another definition by now.
   */
  async decide(
    principal: Principal,
    idOrSlug: string,
    input: CapabilityDecisions,
    requestId?: string,
  ): Promise<{ items: CapabilityView[] }> {
    requireRole(principal, 'admin')
    const { decision, capabilities } = parseInput(capabilityDecisionsSchema, input)
    const { changeFeed, changes, database } = this.#options
    const items = await database.tenantSession(principal.tenantId, async (session) => {
      const server = await findServer(session, idOrSlug)
      const control = changeControlOf(changePolicyOf(server.settings, changes))
      const repository = new CapabilityRepository(session)
      const decided: CapabilityRecord[] = []
      // One after the other: a transaction runs one statement at a time.
      for (const { kind, name, observedHash } of capabilities) {
        const verdict = { decision, control, observedHash }
        const records = await repository.decide({ serverId: server.id, kind }, name, verdict)
        if (records.length === 0) throw notFound(server.slug, kind, name)
        decided.push(...records)
      }
      await new AuditEventRepository(session).append(
        decided.map(({ kind, name, scopeKey, state, observedHash, approvedHash }) => ({
          id: newEntityId(),
          principalId: principal.id,
          action: `capability.${decision}`,
          objectId: server.id,
          outcome: 'success',
          requestId,
          details: { server: server.slug, kind, name, scopeKey, state, observedHash, approvedHash },
        })),
      )
      return viewsOf(session, server.slug, decided)
    })
    await changeFeed.catchUp()
    return { items }
  }
}

const viewsOf = async (
  session: Session,
  slug: string,
  records: readonly CapabilityRecord[],
): Promise<CapabilityView[]> => {
  const names = new Map(
    (await new ExposedNameRepository(session).ofServer(slug)).map((name) => [
      `${name.kind} ${name.original}`,
      name.exposed,
    ]),
  )
  const hashes = records
    .filter((record) => isWaiting(record) || record.state === 'disabled')
    .flatMap(({ observedHash, approvedHash }) =>
      approvedHash === undefined ? [] : [observedHash, approvedHash],
    )
  const bodies =
    hashes.length === 0
      ? new Map<string, Uint8Array>()
      : await new CapabilityRepository(session).definitions(hashes)
  return records.map((record) => capabilityView(record, names.get(`${record.kind} ${record.name}`), bodies))
}

const notFound = (slug: string, kind: string, name: string): NotFoundError =>
  new NotFoundError(
    'capability_not_found',
    `${slug} was never seen to offer the ${kind.replaceAll('_', ' ')} ${JSON.stringify(name)}; mreg tools ${slug} lists what it has`,
  )
