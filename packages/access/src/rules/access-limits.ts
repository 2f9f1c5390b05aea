import type { Role } from '@mreg/core'

import type { AccessRules, ArgumentCondition } from './access-rules.ts'
import { matchesPattern } from './name-pattern.ts'

/** Whose rules they are, for whoever asks why. */
export interface NamedRules {
  /** For a person, such as `the key "ci"`. */
  readonly name: string
  readonly rules: AccessRules
}

/** What somebody wants to use. */
export type AccessTarget =
  | { readonly kind: 'server'; readonly name: string }
  | { readonly kind: 'toolset'; readonly name: string }
  | { readonly kind: 'prompt'; readonly server: string; readonly name: string }
  | { readonly kind: 'resource'; readonly server: string; readonly name: string }
  | { readonly kind: 'resource_template'; readonly server: string; readonly name: string }
  | {
      readonly kind: 'tool'
      readonly server: string
      readonly name: string
      /** Whether its server calls it read-only; undefined: it is not known. */
      readonly isReadOnly: boolean | undefined
    }

/** Why something may not be used. */
export interface AccessRefusal {
  /** Stable. */
  readonly reason:
    | 'server_not_allowed'
    | 'toolset_not_allowed'
    | 'tool_not_allowed'
    | 'tool_not_read_only'
    | 'argument_not_allowed'
    | 'prompt_not_allowed'
    | 'resource_not_allowed'
  /** Whose rule it is, for a person. */
  readonly by: string
  /** What of the rule decided. */
  readonly verdict: AccessVerdict
  /** Which argument; undefined: none. */
  readonly argument?: string | undefined
}

/** What one rule says of something that somebody wants to use. */
export interface AccessVerdict {
  /** Whose rule it is, for a person, such as `the key "ci"` or `the role readonly`. */
  readonly by: string
  /** Which rule it is; `role`: none that was written, but what the role brings with it. */
  readonly rule:
    | 'servers'
    | 'toolsets'
    | 'tools'
    | 'prompts'
    | 'resources'
    | 'arguments'
    | 'readOnlyTools'
    | 'role'
  readonly isAllowed: boolean
  /** Which of its lists decided; undefined: it has none that does. */
  readonly list?: 'allow' | 'deny' | undefined
  /** The pattern in it that matched; undefined: none did. */
  readonly pattern?: string | undefined
}

/** Whose rule it is that who only reads calls only what reads. */
const READONLY_ROLE = 'the role readonly'

/**
 * What one principal is limited to. Everything must be allowed by every rule: rules take away, and none gives back. The one
 * place that decides; it asks nobody and keeps nothing.
 */
export class AccessLimits {
  readonly #all: readonly NamedRules[]
  readonly #readOnlyBy: string | undefined

  private constructor(all: readonly NamedRules[], role: Role) {
    this.#all = all
    this.#readOnlyBy =
      role === 'readonly' ? READONLY_ROLE : all.find(({ rules }) => rules.readOnlyTools === true)?.name
  }

  /** @returns undefined when nothing is taken away. */
  static of(role: Role, all: readonly NamedRules[]): AccessLimits | undefined {
    const limiting = all.filter(({ rules }) => Object.values(rules).some((rule) => rule !== undefined))
    return limiting.length === 0 && role !== 'readonly' ? undefined : new AccessLimits(limiting, role)
  }

  /** Why `target` may not be used; undefined: it may. */
  refusal(target: AccessTarget): AccessRefusal | undefined {
    return this.#judge(target)
  }

  /** What each rule that is about `target` says of it, in their order, up to the first that refuses it. */
  verdicts(target: AccessTarget): readonly AccessVerdict[] {
    const verdicts: AccessVerdict[] = []
    this.#judge(target, verdicts)
    return verdicts
  }

  #judge(target: AccessTarget, told?: AccessVerdict[]): AccessRefusal | undefined {
    if (target.kind === 'server')
      return this.#notSelected('servers', 'server_not_allowed', [target.name], told)
    if (target.kind === 'toolset')
      return this.#notSelected('toolsets', 'toolset_not_allowed', [target.name], told)
    const ofServer = this.#notSelected('servers', 'server_not_allowed', [target.server], told)
    if (ofServer !== undefined) return ofServer
    const qualified = [target.name, `${target.server}/${target.name}`]
    if (target.kind === 'prompt') return this.#notSelected('prompts', 'prompt_not_allowed', qualified, told)
    if (target.kind !== 'tool')
      return this.#notSelected('resources', 'resource_not_allowed', [target.name], told)
    return this.#notSelected('tools', 'tool_not_allowed', qualified, told) ?? this.#notReadOnly(target, told)
  }

  /** Whether it matters what a server says of its tools. */
  get readOnlyTools(): boolean {
    return this.#readOnlyBy !== undefined
  }

  /** Whether it matters with which arguments a tool is called. */
  hasConditions(server: string, tool: string): boolean {
    return this.#conditions(server, tool).length > 0
  }

  /** The arguments of a tool that have to be what somebody's rules say, and whose rules those are. */
  conditionsOf(
    server: string,
    tool: string,
  ): readonly { readonly by: string; readonly condition: ArgumentCondition }[] {
    return this.#conditions(server, tool)
  }

  /** Why a tool may not be called with these arguments; undefined: it may. */
  argumentRefusal(server: string, tool: string, given: unknown): AccessRefusal | undefined {
    for (const { by, condition } of this.#conditions(server, tool)) {
      const text = textOf(valueAt(given, condition.argument))
      if (text === undefined || !condition.allow.some((pattern) => matchesPattern(pattern, text)))
        return {
          reason: 'argument_not_allowed',
          by,
          argument: condition.argument,
          verdict: { by, rule: 'arguments', isAllowed: false, list: 'allow' },
        }
    }
    return undefined
  }

  #conditions(
    server: string,
    tool: string,
  ): readonly { readonly by: string; readonly condition: ArgumentCondition }[] {
    const names = [tool, `${server}/${tool}`]
    return this.#all.flatMap(({ name: by, rules }) =>
      (rules.arguments ?? [])
        .filter(({ tools }) => isAmong(tools, names))
        .map((condition) => ({ by, condition })),
    )
  }

  #notSelected(
    rule: 'servers' | 'toolsets' | 'tools' | 'prompts' | 'resources',
    reason: AccessRefusal['reason'],
    names: readonly string[],
    told: AccessVerdict[] | undefined,
  ): AccessRefusal | undefined {
    for (const { name: by, rules } of this.#all) {
      const selection = rules[rule]
      if (selection === undefined) continue
      const denied = patternFor(selection.deny, names)
      const allowed = denied === undefined ? patternFor(selection.allow, names) : undefined
      const isAllowed = denied === undefined && (selection.allow === undefined || allowed !== undefined)
      // What is allowed is told only to whoever asks.
      if (isAllowed && told === undefined) continue
      const pattern = denied ?? allowed
      const list = denied === undefined ? selection.allow && ('allow' as const) : ('deny' as const)
      const verdict: AccessVerdict = { by, rule, isAllowed, list, pattern }
      told?.push(verdict)
      if (!isAllowed) return { reason, by, verdict }
    }
    return undefined
  }

  #notReadOnly(
    { isReadOnly }: AccessTarget & { readonly kind: 'tool' },
    told: AccessVerdict[] | undefined,
  ): AccessRefusal | undefined {
    const by = this.#readOnlyBy
    if (by === undefined) return undefined
    const isAllowed = isReadOnly === true
    if (isAllowed && told === undefined) return undefined
    const verdict: AccessVerdict = { by, rule: by === READONLY_ROLE ? 'role' : 'readOnlyTools', isAllowed }
    told?.push(verdict)
    return isAllowed ? undefined : { reason: 'tool_not_read_only', by, verdict }
  }
}

/** The first of the patterns that one of the names matches; undefined: none does. */
const patternFor = (patterns: readonly string[] | undefined, names: readonly string[]): string | undefined =>
  patterns?.find((pattern) => names.some((name) => matchesPattern(pattern, name)))

const isAmong = (patterns: readonly string[], names: readonly string[]): boolean =>
  patternFor(patterns, names) !== undefined

/** What is at a dotted path of an object's own members; undefined: nothing. */
const valueAt = (given: unknown, path: string): unknown => {
  let value = given
  for (const member of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, member)) return undefined
    value = Object.entries(value).find(([name]) => name === member)?.[1]
  }
  return value
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined
