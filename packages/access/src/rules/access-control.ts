import type { Principal } from '@mreg/core'

import type { KnownApiKeys } from '../api-keys/known-api-keys.ts'
import { AccessLimits } from './access-limits.ts'
import { accessRulesSchema } from './access-rules.ts'

/** Nobody who comes with rules that cannot be read may use anything. */
const UNREADABLE = {
  name: 'rules that cannot be read',
  rules: { servers: { allow: [] }, toolsets: { allow: [] } },
}

/** Says what each principal is limited to, from what is in memory: nothing is asked and nothing is waited for. */
export class AccessControl {
  readonly #apiKeys: KnownApiKeys
  /** A principal is the same object for as long as its key is as it is. */
  readonly #known = new WeakMap<Principal, AccessLimits | null>()

  constructor(apiKeys: KnownApiKeys) {
    this.#apiKeys = apiKeys
  }

  /** undefined: to nothing. The same object for as long as it says the same. */
  limitsOf(principal: Principal): AccessLimits | undefined {
    let limits = this.#known.get(principal)
    if (limits === undefined) {
      limits = this.#read(principal) ?? null
      this.#known.set(principal, limits)
    }
    return limits ?? undefined
  }

  #read({ keyId, role }: Principal): AccessLimits | undefined {
    if (keyId === undefined) return AccessLimits.of(role, [])
    const record = this.#apiKeys.byId(keyId)?.record
    const rules = accessRulesSchema.safeParse(record?.scopes)
    const named =
      rules.success && record !== undefined
        ? { name: `the key "${record.name}"`, rules: rules.data }
        : UNREADABLE
    return AccessLimits.of(role, [named])
  }
}
