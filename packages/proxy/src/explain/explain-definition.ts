import type { CatalogServer, Definition } from '@mreg/registry'

import type { WithheldState } from '../control/capability-gate.ts'
import type { NamedCapability } from '../control/named-capability.ts'
import type { Steps } from './explanation.ts'

/** A definition that is about a name, with what is known of it. */
export interface ExplainedDefinition {
  readonly named: NamedCapability
  /** For a person, such as `the tool "echo" of the server "notes"`. */
  readonly title: string
  /** undefined: the catalog has none that clients may see. */
  readonly definition: Definition | undefined
  readonly server: CatalogServer | undefined
  readonly withheld: WithheldState | undefined
}

/** Says what the catalog knows of a definition, and what change control makes of it. */
export const explainDefinition = (steps: Steps, explained: ExplainedDefinition): void => {
  explainKnown(steps, explained)
  explainChanges(steps, explained)
}

const explainKnown = (
  steps: Steps,
  { definition, named: { kind }, server, title, withheld }: ExplainedDefinition,
): void => {
  // What is withheld is not in the catalog: the next look says so.
  if (definition === undefined && withheld !== undefined)
    return steps.add('catalog', 'ok', 'seen', `The server was seen to offer ${title}.`)
  if (definition === undefined) {
    if (kind === 'resource')
      return steps.add(
        'catalog',
        'warning',
        'in_no_list',
        `No list has ${title}; what a server spoke of may be read all the same.`,
      )
    const isAway = server?.unavailable !== undefined || server === undefined
    return steps.add(
      'catalog',
      'no',
      isAway ? 'not_known' : 'not_offered',
      isAway
        ? `Nothing is known of ${title}: the server has not said what it offers, or so long ago that it is not shown any more.`
        : `The server does not offer ${title} now.`,
    )
  }
  const flags = definition.marks?.flags ?? []
  const isMended = flags.some(({ code }) => code === 'malformed_member')
  const text = `The catalog has ${title}`
  if (flags.length === 0) return steps.add('catalog', 'ok', 'known', `${text}.`, { hash: definition.hash })
  const noticed = flags.map(({ code, detail }) => `${code} (${detail})`).join(', ')
  const mended = isMended ? '; what would make clients refuse the whole list is mended or left out' : ''
  return steps.add('catalog', 'warning', 'flagged', `${text}. What stands out: ${noticed}${mended}.`, {
    hash: definition.hash,
    flags,
  })
}

const explainChanges = (
  steps: Steps,
  { definition, named: { name }, title, withheld, server }: ExplainedDefinition,
): void => {
  const mend = `mreg tools ${server?.slug ?? 'NAME'}`
  if (withheld === 'disabled')
    return steps.add(
      'changes',
      'no',
      'capability_disabled',
      `An administrator has switched ${title} off; ${mend} --on ${name} takes that back.`,
    )
  if (withheld === 'quarantined')
    return steps.add(
      'changes',
      'no',
      'capability_quarantined',
      `The definition of ${title} is held until an administrator approves it; ${mend} --review shows it.`,
    )
  if (definition?.marks?.state === 'quarantined')
    return steps.add(
      'changes',
      'warning',
      'last_approved_served',
      `The server offers another definition by now, which is held; the one that was approved is served. ${mend} --review shows both.`,
    )
  if (definition?.marks?.state === 'changed')
    return steps.add(
      'changes',
      'warning',
      'changed',
      `The definition is not what was approved, and is served all the same, marked; ${mend} --review shows the difference.`,
    )
  return steps.add('changes', 'ok', 'not_withheld', 'Nothing of it is switched off or held.')
}
