import { createHash } from 'node:crypto'

import type { Principal } from '@mreg/core'

/** How long a token is not looked at again, in milliseconds: a key that the provider takes back is soon worth nothing. */
const GOOD_MS = 5000

/** The oldest make room. */
const MAX_TOKENS = 10_000

/** Tokens that were found good a moment ago, by the hash of all of their text and of the address that they were sent to. */
export class VerifiedTokens {
  readonly #now: () => number
  readonly #principals = new Map<string, { readonly principal: Principal; readonly untilMs: number }>()

  /** @param now the time of day in milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Under which a token is kept for an audience. */
  keyOf(token: string, audience: string | undefined): string {
    return createHash('sha256')
      .update(token)
      .update('\0')
      .update(audience ?? '')
      .digest('base64')
  }

  /** undefined: it has to be looked at. */
  find(key: string): Principal | undefined {
    const found = this.#principals.get(key)
    return found !== undefined && found.untilMs > this.#now() ? found.principal : undefined
  }

  /**
   * Remembers whose token it is, until it expires at the latest.
   *
   * @returns the principal that was known for it before, when nothing is different: what others keep for that one stays.
   */
  add(key: string, principal: Principal): Principal {
    const known = this.#principals.get(key)?.principal
    const same = known !== undefined && isSame(known, principal) ? known : principal
    const untilMs = Math.min(this.#now() + GOOD_MS, principal.expiresAt?.getTime() ?? 0)
    // What is looked at again comes last in line.
    this.#principals.delete(key)
    const oldest = this.#principals.size < MAX_TOKENS ? undefined : this.#principals.keys().next().value
    if (oldest !== undefined) this.#principals.delete(oldest)
    this.#principals.set(key, { principal: same, untilMs })
    return same
  }
}

const isSame = (one: Principal, other: Principal): boolean =>
  one.id === other.id && one.tenantId === other.tenantId && one.role === other.role
