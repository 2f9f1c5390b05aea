import type { ColumnType, Generated } from 'kysely'

import type { CreatedAt, UpdatedAt } from './column-types.ts'

/** What a server may offer. */
export type CapabilityKind = 'tool' | 'resource' | 'resource_template' | 'prompt'

/**
 * What becomes of a capability: `accepted` is served; `changed` is served although it is not what was approved;
 * `quarantined` waits for an approval; `disabled` was switched off by somebody; `gone` is not offered any more.
 */
export type CapabilityState = 'accepted' | 'changed' | 'quarantined' | 'disabled' | 'gone'

/** Something about a definition that a person should know before trusting it. */
export interface CapabilityFlag {
  /** Stable, such as `bidirectional_text`. */
  readonly code: string
  /** What it is about and where, for people; ASCII. */
  readonly detail: string
}

export interface DefinitionsTable {
  tenant_id: string
  hash: string
  body: Uint8Array
  created_at: CreatedAt
}

export interface CapabilitiesTable {
  server_id: string
  /** Whose list it is in: empty for what everybody sees, else a principal. */
  scope_key: Generated<string>
  kind: CapabilityKind
  name: string
  tenant_id: string
  observed_hash: string
  approved_hash: string | null
  state: CapabilityState
  flags: ColumnType<readonly CapabilityFlag[], string | undefined, string>
  /** The same for names that people take for each other; null: not known. */
  look_alike_key: string | null
  first_seen_at: CreatedAt
  last_seen_at: UpdatedAt
}

export interface ExposedNamesTable {
  tenant_id: string
  kind: CapabilityKind
  exposed: string
  slug: string
  original: string
  created_at: CreatedAt
}

export interface ToolsetsTable {
  id: string
  tenant_id: string
  slug: string
  title: string | null
  description: string | null
  managed_by: Generated<string>
  revision: Generated<number>
  created_at: CreatedAt
  updated_at: UpdatedAt
}

export interface ToolsetItemsTable {
  toolset_id: string
  position: number
  tenant_id: string
  effect: 'include' | 'exclude'
  server_slug: string | null
  tag: string | null
  name_pattern: string | null
  read_only_only: Generated<boolean>
  rename: string | null
  description: string | null
}
