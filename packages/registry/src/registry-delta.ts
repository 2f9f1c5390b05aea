import type { SnapshotServer } from '@mreg/repositories'

/** A server as the gateway serves it: the record, and its endpoints' credentials as ciphertext. */
export type RegisteredServer = SnapshotServer

/** What changed since the last look. */
export interface RegistryDelta {
  /** New and changed servers, whole. */
  readonly changed: readonly RegisteredServer[]
  /** Servers that are gone. */
  readonly removed: readonly { readonly tenantId: string; readonly serverId: string }[]
  /** Whether `changed` is everything that there is: what is not in it is gone as well. */
  readonly complete: boolean
}
