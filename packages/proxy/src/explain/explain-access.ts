import type { AccessLimits, AccessRefusal } from '@mreg/access'
import type { Principal } from '@mreg/core'
import type { Definition } from '@mreg/registry'

import { accessReason } from '../control/access-reason.ts'
import { accessTarget } from '../control/access-target.ts'
import type { NamedCapability } from '../control/named-capability.ts'
import type { Steps } from './explanation.ts'

/** Says whether a caller may use what is named, and by which rules. */
export const explainAccess = (
  steps: Steps,
  {
    definition,
    limits,
    named,
    principal,
    refusal,
    slug,
    title,
  }: {
    /** undefined: nothing limits it. */
    readonly limits: AccessLimits | undefined
    readonly principal: Principal
    /** What is answered to a call; undefined: it is not refused. */
    readonly refusal: AccessRefusal | undefined
    readonly named: NamedCapability
    readonly slug: string
    readonly title: string
    readonly definition: Definition | undefined
  },
): void => {
  if (limits === undefined)
    return steps.add('access', 'ok', 'unlimited', `Nothing limits the caller (role ${principal.role}).`)
  const reason = accessReason(limits.verdicts(accessTarget(slug, named, definition)))
  const [outcome, may] = refusal === undefined ? (['ok', 'may'] as const) : (['no', 'may not'] as const)
  const text = `The caller ${may} use ${title}: ${reason.text}.`
  steps.add('access', outcome, refusal?.reason ?? reason.code, text, reason.details)
  for (const { by, condition } of named.kind === 'tool' ? limits.conditionsOf(slug, named.name) : []) {
    const allowed = condition.allow.map((pattern) => JSON.stringify(pattern)).join(' or ')
    const wanted = `For a call, ${by} wants the argument "${condition.argument}" to match ${allowed}.`
    steps.add('access', 'warning', 'argument_condition', wanted, { condition })
  }
}
