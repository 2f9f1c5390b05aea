import type { Principal } from '@mreg/core'

import type { KnownApiKeys } from '../api-keys/known-api-keys.ts'
import { type KnownPolicies, NOTHING_ALLOWED, type TenantPolicies } from '../policies/known-policies.ts'
import { AccessLimits, type NamedRules } from './access-limits.ts'
import { accessRulesSchema } from './access-rules.ts'
import { isAmong } from './name-pattern.ts'

/** Nobody who comes with rules that cannot be read may use anything. */
const UNREADABLE: NamedRules = { name: 'rules that cannot be read', rules: NOTHING_ALLOWED }

/** Whom nothing is about may use nothing, where that is wanted. */
const UNNAMED: NamedRules = { name: 'the setting security.withoutPolicy', rules: NOTHING_ALLOWED }

export interface AccessControlOptions {
  readonly apiKeys: KnownApiKeys
  /** undefined: there are none. */
  readonly policies?: KnownPolicies | undefined
  /** What becomes of those whom no policy is about, and whose key has no limits of its own. Default `allow`. */
  readonly withoutPolicy?: 'allow' | 'deny' | undefined
}

/** What is known of a principal, as long as its policies are what they were. */
interface Known {
  readonly policies: TenantPolicies | undefined
  readonly all: readonly NamedRules[]
  readonly limits: AccessLimits | undefined
  readonly isLimited: boolean
}

/**
 * Says what each principal is limited to: by its role, by its key, and by every policy that is about its tenant, its role or its
 * key. All of them must allow a thing; whose rule does not is said with each refusal. It goes by what is in memory: nothing
 * is asked and nothing is waited for.
 */
export class AccessControl {
  readonly #options: AccessControlOptions
  /** A principal is the same object for as long as its key is as it is. */
  readonly #known = new WeakMap<Principal, Known>()

  constructor(options: AccessControlOptions) {
    this.#options = options
  }

  /** undefined: to nothing. The same object for as long as it says the same. */
  limitsOf(principal: Principal): AccessLimits | undefined {
    return this.#of(principal).limits
  }

  /**
   * Whether somebody sees less of the API than the role lets it: then it is closed but for what shows just that. Who may change
   * policies is not kept out by one, but by the limits of the key alone.
   */
  isLimited(principal: Principal): boolean {
    return this.#of(principal).isLimited
  }

  /**
   * Whose rule does not allow a route of the API, in words for a person; undefined: it is allowed.
   *
   * @param route its method and path, such as `PATCH /servers/{idOrSlug}`.
   */
  apiRefusal(principal: Principal, route: string): { readonly by: string } | undefined {
    for (const { name, rules } of this.#of(principal).all) {
      const { allow, deny } = rules.api ?? {}
      if (isAmong(deny ?? [], [route]) || (allow !== undefined && !isAmong(allow, [route])))
        return { by: name }
    }
    return undefined
  }

  /** Is aborted when something that limits the principal may have changed; undefined: nothing does. */
  endOf(principal: Principal): AbortSignal | undefined {
    return isInstallation(principal) ? undefined : this.#options.policies?.endOf(principal.tenantId)
  }

  #of(principal: Principal): Known {
    const policies = this.#options.policies?.of(principal.tenantId)
    const known = this.#known.get(principal)
    if (known?.policies === policies && known !== undefined) return known
    const own = this.#rulesOfKey(principal)
    const about = isInstallation(principal)
      ? []
      : (policies ?? []).filter((policy) => isAbout(policy, principal))
    const all: NamedRules[] = [...own, ...about]
    if (all.length === 0 && this.#options.withoutPolicy === 'deny' && !isInstallation(principal))
      all.push(UNNAMED)
    const read: Known = {
      policies,
      all,
      limits: AccessLimits.of(principal.role, all.filter(isMoreThanApi)),
      isLimited: (principal.role === 'admin' ? own : all).some(isMoreThanApi),
    }
    this.#known.set(principal, read)
    return read
  }

  #rulesOfKey({ keyId }: Principal): readonly NamedRules[] {
    if (keyId === undefined) return []
    const record = this.#options.apiKeys.byId(keyId)?.record
    const rules = accessRulesSchema.safeParse(record?.scopes)
    if (!rules.success || record === undefined) return [UNREADABLE]
    return Object.keys(rules.data).length === 0
      ? []
      : [{ name: `the key "${record.name}"`, rules: rules.data }]
  }
}

/** The administrator's key of the installation is above all policies: somebody must be able to change them. */
const isInstallation = ({ keyId, kind }: Principal): boolean => kind === 'key' && keyId === undefined

const isAbout = ({ subject }: TenantPolicies[number], { keyId, role }: Principal): boolean => {
  if (subject.kind === 'tenant') return true
  return subject.kind === 'role' ? subject.id === role : keyId !== undefined && subject.id === keyId
}

const isMoreThanApi = ({ rules }: NamedRules): boolean =>
  Object.entries(rules).some(([name, rule]) => name !== 'api' && rule !== undefined)
