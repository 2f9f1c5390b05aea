import { ConflictError, NotFoundError, parseInput } from '@mreg/core'
import type { DatabasePool, SystemSession } from '@mreg/db-pool'
import { type RegistryDatabase, type TenantRecord, TenantRepository } from '@mreg/repositories'
import * as z from 'zod'

/** A tenant to make. */
export const tenantInputSchema = z.strictObject({
  id: z
    .string()
    .regex(
      /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u,
      'must be 1 to 63 small letters, digits and hyphens, and neither begin nor end with a hyphen',
    )
    .describe('Its name in paths, as in `/t/{id}/mcp`; it never changes.'),
})

export type TenantInput = z.input<typeof tenantInputSchema>

/** A tenant as the administrator of the installation sees it. */
export interface TenantView {
  readonly id: string
  /** Of its last change; 0: nothing has changed yet. */
  readonly revision: number
  readonly createdAt: string
}

export interface TenantsOptions {
  readonly database: DatabasePool<RegistryDatabase>
  /** Takes over here what was changed, so that it counts as soon as the change has been answered. */
  readonly catchUp: () => Promise<void>
}

/** The tenants of an installation, for its administrator: whoever calls this has made sure of that. */
export class Tenants {
  readonly #options: TenantsOptions

  constructor(options: TenantsOptions) {
    this.#options = options
  }

  /**
   * @throws {ValidationError} the input is wrong.
   * @throws {ConflictError} `tenant_exists`.
   */
  async create(input: TenantInput): Promise<TenantView> {
    const { id } = parseInput(tenantInputSchema, input)
    const created = await this.#session('make a tenant', (tenants) => tenants.create(id))
    if (created === undefined) throw new ConflictError('tenant_exists', `there is a tenant "${id}" already`)
    await this.#options.catchUp()
    return tenantView(created)
  }

  /** @throws {NotFoundError} `tenant_not_found`. */
  async get(id: string): Promise<TenantView> {
    const tenant = await this.#session('look at a tenant', (tenants) => tenants.getById(id))
    if (tenant !== undefined) return tenantView(tenant)
    throw new NotFoundError('tenant_not_found', `there is no tenant ${JSON.stringify(id)}`)
  }

  /**
   * A page of the tenants, in the order of their ids.
   *
   * @throws {ValidationError} `limit` or `cursor` is not good.
   */
  async list(page: {
    readonly limit: number
    readonly cursor?: string | undefined
  }): Promise<{ readonly items: TenantView[]; readonly nextCursor?: string }> {
    const { items, nextCursor } = await this.#session('list tenants', (tenants) => tenants.page(page))
    const views = items.map(tenantView)
    return nextCursor === undefined ? { items: views } : { items: views, nextCursor }
  }

  #session<Result>(reason: string, work: (tenants: TenantRepository) => Promise<Result>): Promise<Result> {
    return this.#options.database.systemSession(reason, (session: SystemSession<RegistryDatabase>) =>
      work(new TenantRepository(session)),
    )
  }
}

const tenantView = ({ createdAt, id, revision }: TenantRecord): TenantView => ({
  id,
  revision,
  createdAt: createdAt.toISOString(),
})
