import type { Selectable } from 'kysely'

import type {
  CapabilitiesTable,
  CapabilityFlag,
  CapabilityKind,
  CapabilityState,
} from '../schema/catalog-tables.ts'

/** Which list of a server. */
export interface CapabilityList {
  readonly serverId: string
  /** Whose list it is: empty for what everybody sees, else a principal. */
  readonly scopeKey: string
  readonly kind: CapabilityKind
}

/** One entry of a list, as the server gave it. */
export interface OfferedCapability {
  /** A tool's or prompt's name, or a URI; 1 to 1,024 bytes, and each once in a list. */
  readonly name: string
  /** Of the body, 1 to 128 bytes; the same body always has the same hash. */
  readonly hash: string
  readonly body: Uint8Array
  /** What was noticed about it. Default: nothing. */
  readonly flags?: readonly CapabilityFlag[] | undefined
  /** The same for names that people take for each other, at most 512 bytes; undefined: it is like none. */
  readonly lookAlikeKey?: string | undefined
}

/** Something of another server that people may take for this one. */
export interface LookAlike {
  readonly lookAlikeKey: string
  readonly slug: string
  readonly name: string
}

/** Something that a server offers, as far as it was seen. */
export interface CapabilityRecord extends CapabilityList {
  readonly name: string
  /** Of the definition that was seen last. */
  readonly observedHash: string
  /** Of the definition that was approved last; undefined: none was. */
  readonly approvedHash: string | undefined
  readonly state: CapabilityState
  /** What was noticed about the definition that was seen last. */
  readonly flags: readonly CapabilityFlag[]
  readonly firstSeenAt: Date
  /** To within an hour. */
  readonly lastSeenAt: Date
}

/** The columns of a capability that make a {@link CapabilityRecord}. */
export const CAPABILITY_COLUMNS = [
  'server_id',
  'scope_key',
  'kind',
  'name',
  'observed_hash',
  'approved_hash',
  'state',
  'flags',
  'first_seen_at',
  'last_seen_at',
] as const satisfies readonly (keyof CapabilitiesTable)[]

export const toCapabilityRecord = (
  row: Pick<Selectable<CapabilitiesTable>, (typeof CAPABILITY_COLUMNS)[number]>,
): CapabilityRecord => ({
  serverId: row.server_id,
  scopeKey: row.scope_key,
  kind: row.kind,
  name: row.name,
  observedHash: row.observed_hash,
  approvedHash: row.approved_hash ?? undefined,
  state: row.state,
  flags: row.flags,
  firstSeenAt: row.first_seen_at,
  lastSeenAt: row.last_seen_at,
})
