/** How much of what is free a tenant, and one principal of it, may have at most in proportion to it. */
const PORTIONS = { tenant: 4, principal: 2 } as const

/** Who wants a place. */
export interface Party {
  readonly tenantId: string
  readonly principalId: string
}

/**
 * Places for requests that are under way at once. What a tenant may hold follows what is free: alone it comes to four fifths of
 * all, and one principal to two thirds, so that whoever comes next finds room, and many who press share alike. Nobody has to
 * say how many they are.
 *
 * Source: dynamic thresholds (A. K. Choudhury, E. L. Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).
 */
export class FairShare {
  readonly #capacity: number
  readonly #tenants = new Map<string, number>()
  readonly #principals = new Map<string, number>()
  #used = 0

  /** @param capacity how many places there are. */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get used(): number {
    return this.#used
  }

  /** Takes a place, which is to be given back by {@link FairShare.leave}. @returns false: there is none for this party. */
  enter({ principalId, tenantId }: Party): boolean {
    const free = this.#capacity - this.#used
    const principal = `${tenantId} ${principalId}`
    const ofTenant = this.#tenants.get(tenantId) ?? 0
    const ofPrincipal = this.#principals.get(principal) ?? 0
    if (free <= 0 || ofTenant > PORTIONS.tenant * free || ofPrincipal > PORTIONS.principal * free)
      return false
    this.#used += 1
    this.#tenants.set(tenantId, ofTenant + 1)
    this.#principals.set(principal, ofPrincipal + 1)
    return true
  }

  leave({ principalId, tenantId }: Party): void {
    this.#used -= 1
    decrease(this.#tenants, tenantId)
    decrease(this.#principals, `${tenantId} ${principalId}`)
  }
}

const decrease = (counts: Map<string, number>, key: string): void => {
  const count = (counts.get(key) ?? 0) - 1
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
