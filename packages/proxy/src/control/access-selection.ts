import type { AccessControl, AccessLimits } from '@mreg/access'
import type { Selection } from '@mreg/registry'

import type { SelectionFor } from '../merged/catalog-views.ts'
import { accessReason } from './access-reason.ts'
import { accessTarget } from './access-target.ts'

/** Shows each principal of a catalog what it may use, and nothing else. */
export const selectionByAccess = (access: AccessControl): SelectionFor => {
  const selections = new WeakMap<AccessLimits, Selection>()
  return ({ principal }) => {
    const limits = access.limitsOf(principal)
    if (limits === undefined) return undefined
    let selection = selections.get(limits)
    if (selection === undefined) selections.set(limits, (selection = selectionOf(limits)))
    return selection
  }
}

const selectionOf = (limits: AccessLimits): Selection => ({
  concerns: ({ slug }) => limits.refusal({ kind: 'server', name: slug }) === undefined,
  show: (entry) => {
    const { definition, server } = entry
    return limits.refusal(accessTarget(server.slug, definition, definition)) === undefined ? entry : undefined
  },
  why: ({ definition, server }) =>
    accessReason(limits.verdicts(accessTarget(server.slug, definition, definition))),
})
