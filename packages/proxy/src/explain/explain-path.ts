import type { AccessLimits, AccessRefusal } from '@mreg/access'
import type { Principal } from '@mreg/core'

import { accessReason } from '../control/access-reason.ts'
import type { ToolsetTable } from '../merged/toolset-table.ts'
import type { Steps } from './explanation.ts'

/** Says whether there is anything at `/mcp` or `/mcp/sets/{set}` for a caller. */
export const explainPath = (
  steps: Steps,
  {
    limits,
    principal,
    set,
    toolsets,
  }: {
    readonly principal: Principal
    /** undefined: nothing limits it. */
    readonly limits: AccessLimits | undefined
    /** undefined: the path is that of all servers. */
    readonly set: string | undefined
    readonly toolsets: ToolsetTable
  },
): boolean => {
  if (set === undefined) {
    steps.add('path', 'ok', 'merged_path', 'The path is that of all servers as one.')
    return true
  }
  const refusal = limits?.refusal({ kind: 'toolset', name: set })
  if (refusal !== undefined) {
    const { details, text } = accessReason([refusal.verdict])
    steps.add('path', 'no', refusal.reason, `For this caller there is no toolset "${set}": ${text}.`, details)
    return false
  }
  if (toolsets.lookup(principal.tenantId, set) === undefined) {
    steps.add('path', 'no', 'toolset_not_found', `There is no toolset "${set}".`)
    return false
  }
  steps.add('path', 'ok', 'toolset_path', `The path is that of the toolset "${set}".`)
  return true
}

/**
 * Says whether `/mcp/{slug}` is a path for a caller at all.
 *
 * @param refusal why it is answered as if there were no such server; undefined: it is not.
 */
export const explainServerPath = (steps: Steps, slug: string, refusal: AccessRefusal | undefined): void => {
  if (refusal === undefined)
    return steps.add('path', 'ok', 'server_path', `The path is that of the server "${slug}".`)
  const { details, text } = accessReason([refusal.verdict])
  return steps.add(
    'path',
    'no',
    refusal.reason,
    `For this caller there is no server "${slug}": ${text}.`,
    details,
  )
}
