import type { AccessControl } from '@mreg/access'
import { ERROR_CODE, type JsonRpcId } from '@mreg/mcp-wire'
import type { Selection, ToolsetChange } from '@mreg/registry'

import { type Answer, errorAnswer } from '../answer.ts'
import type { CallAudit } from '../control/call-audit.ts'
import type { Exchange } from '../exchange.ts'
import type { Viewer } from './catalog-views.ts'
import { ToolsetTable } from './toolset-table.ts'

/** Whose a session of `/mcp` is: no server's, as their identifiers are UUIDs. That of a toolset names the toolset, too. */
const EVERYBODY = 'merged'

/** What is left of a toolset that was removed. */
const NOTHING: Selection = { concerns: () => false, show: () => undefined }

/** Which part of everything clients talk to: all of it through `/mcp`, a toolset through `/mcp/sets/{set}`. */
export class ToolsetScopes {
  /** The toolsets that there are. */
  readonly toolsets = new ToolsetTable()
  readonly #access: AccessControl | undefined
  readonly #audit: CallAudit | undefined

  /**
   * @param access says what principals are limited to; undefined: to nothing.
   * @param audit writes down who was refused; undefined: nobody does.
   */
  constructor(access: AccessControl | undefined, audit: CallAudit | undefined) {
    this.#access = access
    this.#audit = audit
  }

  /** Takes over which toolsets there are. Gives the tenants whose toolsets are others now. */
  apply(change: ToolsetChange): Iterable<string> {
    return this.toolsets.apply(change)
  }

  /** What the session of an exchange is with; undefined: with a toolset that does not exist, or not for this principal. */
  scopeOf(exchange: Exchange): string | undefined {
    const { principal, toolset, toolMode } = exchange
    const shown = toolMode === undefined ? EVERYBODY : `${EVERYBODY}?${toolMode}`
    if (toolset === undefined) return shown
    const limits = this.#access?.limitsOf(principal)
    const refusal = limits?.refusal({ kind: 'toolset', name: toolset })
    if (refusal !== undefined) {
      this.#audit?.hidden(exchange, `sets/${toolset}`, refusal)
      return undefined
    }
    const known = this.toolsets.lookup(principal.tenantId, toolset)
    return known && `${shown}/${known.id}`
  }

  /** What a toolset leaves of everything; undefined: the viewer looks at no toolset. */
  selectionOf({ principal, toolset }: Viewer): Selection | undefined {
    if (toolset === undefined) return undefined
    return this.toolsets.lookup(principal.tenantId, toolset)?.selection ?? NOTHING
  }
}

/** The answer to whoever talks to a toolset that does not exist. */
export const toolsetNotFound = ({ requestId, toolset }: Exchange, id: JsonRpcId | null): Answer =>
  errorAnswer(404, {
    id,
    code: ERROR_CODE.internal,
    message: `There is no toolset "${toolset}".`,
    data: { reason: 'toolset_not_found', toolset, requestId },
  })
