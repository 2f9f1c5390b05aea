import {
  ConflictError,
  NotFoundError,
  parseInput,
  type Principal,
  requireRole,
  ValidationError,
} from '@mreg/core'
import type { DatabasePool, TenantSession } from '@mreg/db-pool'
import {
  ApiKeyRepository,
  type PolicyRecord,
  PolicyRepository,
  type PolicySubject,
  type RegistryDatabase,
} from '@mreg/repositories'

import { type PolicyChange, type PolicyInput, policyInputSchema, policyPatchSchema } from './policy-input.ts'
import { type PolicyView, policyView } from './policy-view.ts'

export interface PoliciesOptions {
  readonly database: DatabasePool<RegistryDatabase>
  /** Takes over here what was changed, so that it counts as soon as the change has been answered. */
  readonly catchUp: () => Promise<void>
  /** The most policies that a tenant may have. */
  readonly maxPoliciesPerTenant: number
}

type Session = TenantSession<RegistryDatabase>

/** The policies of a tenant, for its administrators. */
export class Policies {
  readonly #options: PoliciesOptions

  constructor(options: PoliciesOptions) {
    this.#options = options
  }

  /**
   * @throws {ForbiddenError} `role_too_low`.
   * @throws {ValidationError} the input is wrong, or names a key that there is not.
   * @throws {ConflictError} `policy_name_taken` or `too_many_policies`.
   */
  async create(principal: Principal, input: PolicyInput): Promise<PolicyView> {
    requireRole(principal, 'admin')
    const policy = parseInput(policyInputSchema, input)
    const record = await this.#write(principal, async (session) => {
      const subject = await knownSubject(session, policy.subject)
      const policies = new PolicyRepository(session)
      const created = await policies.create({ ...policy, subject })
      await this.#requireRoom(policies)
      return created
    })
    return policyView(record)
  }

  /**
   * A page of the policies, in the order of their names.
   *
   * @throws {ForbiddenError} `role_too_low`.
   * @throws {ValidationError} `limit` or `cursor` is not good.
   */
  async list(
    principal: Principal,
    page: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<{ readonly items: PolicyView[]; readonly nextCursor?: string }> {
    requireRole(principal, 'admin')
    const found = await this.#session(principal, (session) => new PolicyRepository(session).list(page))
    const items = found.items.map(policyView)
    return found.nextCursor === undefined ? { items } : { items, nextCursor: found.nextCursor }
  }

  /** @throws {NotFoundError} `policy_not_found`. */
  async get(principal: Principal, id: string): Promise<PolicyView> {
    requireRole(principal, 'admin')
    return policyView(await this.#session(principal, (session) => find(session, id)))
  }

  /**
   * @throws {NotFoundError} `policy_not_found`.
   * @throws {ConflictError} `policy_name_taken`, `revision_mismatch`, or `managed_by_…` when something else manages it.
   */
  async update(principal: Principal, id: string, change: PolicyChange): Promise<PolicyView> {
    requireRole(principal, 'admin')
    const { revision, subject, ...patch } = parseInput(policyPatchSchema, change)
    const record = await this.#write(principal, async (session) => {
      requireManagedByApi(await find(session, id))
      const known = subject && (await knownSubject(session, subject))
      return new PolicyRepository(session).update(
        id,
        { ...patch, subject: known },
        { expectedRevision: revision },
      )
    })
    return policyView(record)
  }

  /**
   * @throws {NotFoundError} `policy_not_found`.
   * @throws {ConflictError} `revision_mismatch`, or `managed_by_…`.
   */
  async remove(
    principal: Principal,
    id: string,
    { revision }: { readonly revision?: number | undefined } = {},
  ): Promise<void> {
    requireRole(principal, 'admin')
    await this.#write(principal, async (session) => {
      requireManagedByApi(await find(session, id))
      await new PolicyRepository(session).delete(id, { expectedRevision: revision })
    })
  }

  /** Looked at after the new one is there: the tenant is locked by then, so that nobody counts at the same time. */
  async #requireRoom(policies: PolicyRepository): Promise<void> {
    const { maxPoliciesPerTenant } = this.#options
    const { nextCursor } = await policies.list({ limit: maxPoliciesPerTenant })
    if (nextCursor === undefined) return
    throw new ConflictError(
      'too_many_policies',
      `the tenant has ${maxPoliciesPerTenant} policies, as many as limits.maxPoliciesPerTenant allows: remove some`,
    )
  }

  async #write<Result>(principal: Principal, work: (session: Session) => Promise<Result>): Promise<Result> {
    const result = await this.#session(principal, work)
    await this.#options.catchUp()
    return result
  }

  #session<Result>({ tenantId }: Principal, work: (session: Session) => Promise<Result>): Promise<Result> {
    return this.#options.database.tenantSession(tenantId, work)
  }
}

const find = async (session: Session, id: string): Promise<PolicyRecord> => {
  const policy = await new PolicyRepository(session).getById(id)
  if (policy !== undefined) return policy
  throw new NotFoundError('policy_not_found', `there is no policy ${JSON.stringify(id)}`)
}

const knownSubject = async (
  session: Session,
  subject: { readonly kind: PolicySubject['kind']; readonly id?: string },
): Promise<PolicySubject> => {
  const { id = '', kind } = subject
  if (kind === 'key' && (await new ApiKeyRepository(session).getById(id)) === undefined)
    throw new ValidationError([
      { path: 'subject.id', message: 'must be the id of an API key of this tenant' },
    ])
  return { kind, id }
}

const requireManagedByApi = ({ managedBy, name }: PolicyRecord): void => {
  if (managedBy === 'api') return
  throw new ConflictError(
    `managed_by_${managedBy.split(':')[0] ?? 'other'}`,
    `the policy "${name}" is managed by ${managedBy}; change it there`,
  )
}
