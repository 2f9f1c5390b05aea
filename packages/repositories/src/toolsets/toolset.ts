/** One rule of a toolset. All that is given must hold of a capability for the rule to be about it. */
export interface ToolsetItem {
  /** Whether what it is about is in the set or is kept out. The last rule about something decides. */
  readonly effect: 'include' | 'exclude'
  /** undefined: of any server. It need not be registered. */
  readonly serverSlug?: string | undefined
  /** Of servers with this tag. */
  readonly tag?: string | undefined
  /** What the name looks like; whoever builds the set knows the syntax. */
  readonly namePattern?: string | undefined
  /** Only tools that say that they change nothing. Default false. */
  readonly readOnlyOnly?: boolean | undefined
  /** What it is called in this set. */
  readonly rename?: string | undefined
  /** What its description is in this set. */
  readonly description?: string | undefined
}

/** A named selection of what servers offer. */
export interface ToolsetRecord {
  readonly id: string
  readonly tenantId: string
  /** Its name in URLs. Never changes. */
  readonly slug: string
  readonly title: string | undefined
  readonly description: string | undefined
  /** Who may change it: `api`, `file:<id>` or `sync:<source>`. */
  readonly managedBy: string
  readonly revision: number
  readonly createdAt: Date
  readonly updatedAt: Date
  /** In their order. */
  readonly items: readonly ToolsetItem[]
}

/** A toolset to store. */
export interface NewToolset {
  readonly slug: string
  readonly title?: string | undefined
  readonly description?: string | undefined
  /** Default `api`. */
  readonly managedBy?: string | undefined
  readonly items: readonly ToolsetItem[]
}

/** What to change. undefined: it stays; null: it is cleared. The slug never changes. */
export interface ToolsetPatch {
  readonly title?: string | null | undefined
  readonly description?: string | null | undefined
  readonly managedBy?: string | undefined
  /** All items, in their order. */
  readonly items?: readonly ToolsetItem[] | undefined
}
