import { type Selection, type ToolsetChange, toolsetSelection } from '@mreg/registry'

/** A toolset as it is served. */
export interface ServedToolset {
  readonly id: string
  readonly slug: string
  /** For people; undefined: it has none. */
  readonly title: string | undefined
  readonly selection: Selection
}

/** The toolsets of all tenants, in memory: a call asks no database. */
export class ToolsetTable {
  readonly #tenants = new Map<string, Map<string, ServedToolset>>()

  /** The toolset of that slug in that tenant. */
  lookup(tenantId: string, slug: string): ServedToolset | undefined {
    return this.#tenants.get(tenantId)?.get(slug)
  }

  /** All toolsets of a tenant. */
  list(tenantId: string): readonly ServedToolset[] {
    return [...(this.#tenants.get(tenantId)?.values() ?? [])]
  }

  /** Takes a change over. Gives the tenants whose toolsets are others now. */
  apply({ ids, toolsets }: ToolsetChange): ReadonlySet<string> {
    const gone = new Set(ids)
    const tenantIds = new Set<string>()
    for (const [tenantId, served] of this.#tenants) {
      for (const { id, slug } of served.values()) {
        if (ids !== undefined && !gone.has(id)) continue
        served.delete(slug)
        tenantIds.add(tenantId)
      }
    }
    for (const toolset of toolsets) {
      const { tenantId, id, slug, title } = toolset
      tenantIds.add(tenantId)
      const served = this.#tenants.get(tenantId) ?? new Map<string, ServedToolset>()
      this.#tenants.set(tenantId, served.set(slug, { id, slug, title, selection: toolsetSelection(toolset) }))
    }
    return tenantIds
  }
}
