import type { Change, SnapshotServer } from '@mreg/repositories'

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
  /**
   * What the change log says, in its order, for whoever follows something else than servers. undefined: nothing that is known;
   * when the change is complete, anything may have changed.
   */
  readonly changes?: readonly Change[] | undefined
}
