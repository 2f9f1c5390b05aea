import type { Role } from '@mreg/core'

import type { AccessRules, ArgumentCondition, Selection } from './access-rules.ts'
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
  /** Which argument; undefined: none. */
  readonly argument?: string | undefined
}

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
      role === 'readonly' ? 'the role readonly' : all.find(({ rules }) => rules.readOnlyTools === true)?.name
  }

  /** @returns undefined when nothing is taken away. */
  static of(role: Role, all: readonly NamedRules[]): AccessLimits | undefined {
    const limiting = all.filter(({ rules }) => Object.values(rules).some((rule) => rule !== undefined))
    return limiting.length === 0 && role !== 'readonly' ? undefined : new AccessLimits(limiting, role)
  }

  /** Why `target` may not be used; undefined: it may. */
  refusal(target: AccessTarget): AccessRefusal | undefined {
    if (target.kind === 'server') return this.#notSelected('servers', 'server_not_allowed', [target.name])
    if (target.kind === 'toolset') return this.#notSelected('toolsets', 'toolset_not_allowed', [target.name])
    const ofServer = this.#notSelected('servers', 'server_not_allowed', [target.server])
    if (ofServer !== undefined) return ofServer
    const qualified = [target.name, `${target.server}/${target.name}`]
    if (target.kind === 'prompt') return this.#notSelected('prompts', 'prompt_not_allowed', qualified)
    if (target.kind !== 'tool') return this.#notSelected('resources', 'resource_not_allowed', [target.name])
    const notSelected = this.#notSelected('tools', 'tool_not_allowed', qualified)
    if (notSelected !== undefined) return notSelected
    return this.#readOnlyBy === undefined || target.isReadOnly === true
      ? undefined
      : { reason: 'tool_not_read_only', by: this.#readOnlyBy }
  }

  /** Whether it matters what a server says of its tools. */
  get readOnlyTools(): boolean {
    return this.#readOnlyBy !== undefined
  }

  /** Whether it matters with which arguments a tool is called. */
  hasConditions(server: string, tool: string): boolean {
    return this.#conditions(server, tool).length > 0
  }

  /** Why a tool may not be called with these arguments; undefined: it may. */
  argumentRefusal(server: string, tool: string, given: unknown): AccessRefusal | undefined {
    for (const { by, condition } of this.#conditions(server, tool)) {
      const text = textOf(valueAt(given, condition.argument))
      if (text === undefined || !condition.allow.some((pattern) => matchesPattern(pattern, text)))
        return { reason: 'argument_not_allowed', by, argument: condition.argument }
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
    field: 'servers' | 'toolsets' | 'tools' | 'prompts' | 'resources',
    reason: AccessRefusal['reason'],
    names: readonly string[],
  ): AccessRefusal | undefined {
    const refusing = this.#all.find(({ rules }) => !isSelected(rules[field], names))
    return refusing && { reason, by: refusing.name }
  }
}

const isSelected = (selection: Selection | undefined, names: readonly string[]): boolean =>
  !isAmong(selection?.deny ?? [], names) &&
  (selection?.allow === undefined || isAmong(selection.allow, names))

/** Whether one of the names matches one of the patterns. */
const isAmong = (patterns: readonly string[], names: readonly string[]): boolean =>
  patterns.some((pattern) => names.some((name) => matchesPattern(pattern, name)))

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
