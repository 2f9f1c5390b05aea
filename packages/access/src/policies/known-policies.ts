import type { PolicyRecord, PolicySubject } from '@mreg/repositories'

import type { NamedRules } from '../rules/access-limits.ts'
import { accessRulesSchema } from '../rules/access-rules.ts'

/** A policy as it is known in memory. */
export interface KnownPolicy extends NamedRules {
  readonly id: string
  readonly subject: PolicySubject
}

/** The policies of one tenant: always the same object for as long as none of them changes. */
export type TenantPolicies = readonly KnownPolicy[]

const NONE: TenantPolicies = []

/**
 * All policies in memory, kept current by the change log: whoever decides asks no database. One that cannot be read, as of a
 * newer version, leaves nothing to those whom it is about.
 */
export class KnownPolicies {
  readonly #tenants = new Map<string, Map<string, KnownPolicy>>()
  readonly #lists = new Map<string, TenantPolicies>()
  readonly #ends = new Map<string, AbortController>()
  readonly #tenantOf = new Map<string, string>()
  readonly #listeners = new Set<(tenantId: string) => void>()

  /** The policies of a tenant. */
  of(tenantId: string): TenantPolicies {
    const known = this.#lists.get(tenantId)
    if (known !== undefined) return known
    const policies = this.#tenants.get(tenantId)
    if (policies === undefined) return NONE
    const list = [...policies.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
    this.#lists.set(tenantId, list)
    return list
  }

  /** Takes over all policies that there are. */
  replace(records: readonly PolicyRecord[]): void {
    const changed = new Set(this.#tenants.keys())
    this.#tenants.clear()
    this.#tenantOf.clear()
    for (const record of records) changed.add(this.#add(record))
    this.#tell(changed)
  }

  /**
   * Takes over what changed.
   *
   * @param ids of the policies that changed; one that is not among `records` is gone.
   */
  update(ids: readonly string[], records: readonly PolicyRecord[]): void {
    const changed = new Set<string>()
    for (const id of ids) {
      const tenantId = this.#tenantOf.get(id)
      if (tenantId === undefined) continue
      changed.add(tenantId)
      this.#tenantOf.delete(id)
      this.#tenants.get(tenantId)?.delete(id)
    }
    for (const record of records) changed.add(this.#add(record))
    this.#tell(changed)
  }

  /** Is told of each tenant whose policies have changed, once they are known here. */
  onChange(listener: (tenantId: string) => void): void {
    this.#listeners.add(listener)
  }

  /** Is aborted when a policy of the tenant changes: what is held open until then may not be allowed any more. */
  endOf(tenantId: string): AbortSignal {
    const end = this.#ends.get(tenantId) ?? new AbortController()
    this.#ends.set(tenantId, end)
    return end.signal
  }

  #add({ id, name, rules, subject, tenantId }: PolicyRecord): string {
    const policies = this.#tenants.get(tenantId) ?? new Map<string, KnownPolicy>()
    this.#tenants.set(tenantId, policies)
    this.#tenantOf.set(id, tenantId)
    const read = accessRulesSchema.safeParse(rules)
    policies.set(
      id,
      read.success
        ? { id, subject, name: `the policy "${name}"`, rules: read.data }
        : { id, subject, name: `the policy "${name}", which cannot be read,`, rules: NOTHING_ALLOWED },
    )
    return tenantId
  }

  #tell(tenantIds: ReadonlySet<string>): void {
    for (const tenantId of tenantIds) {
      this.#lists.delete(tenantId)
      this.#ends.get(tenantId)?.abort()
      this.#ends.delete(tenantId)
      for (const listener of this.#listeners) listener(tenantId)
    }
  }
}

/** What leaves nothing. */
export const NOTHING_ALLOWED = {
  servers: { allow: [] },
  toolsets: { allow: [] },
  api: { allow: [] },
} as const satisfies NamedRules['rules'] & object
