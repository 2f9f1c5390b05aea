import type { SystemSession } from '@mreg/db-pool'
import type { RegistryDatabase } from '@mreg/repositories'

/**
 * Something besides servers that a process keeps in memory and whose changes are logged. What it reads is read in the same
 * transaction as the servers; what it gives back is called when they are told, so that all of it changes at once.
 */
export interface ChangeFollower {
  /** The start of the kinds of changes that concern it, such as `api_key_`. */
  readonly kinds: string
  /** Reads everything there is. Gives what takes it over. */
  readAll(session: SystemSession<RegistryDatabase>): Promise<() => void>
  /**
   * Reads what has changed. Gives what takes it over.
   *
   * @param ids of the objects that the log names; one that is not there any more is gone.
   */
  read(session: SystemSession<RegistryDatabase>, ids: readonly string[]): Promise<() => void>
  /** What was taken over so far, for a process that starts while the database is away. */
  known(): readonly unknown[]
  /** Takes over what another process knew. */
  resume(known: readonly unknown[]): void
}

export interface RecordFollowerOptions<FollowedRecord extends { readonly id: string }> {
  readonly kinds: string
  readonly all: (session: SystemSession<RegistryDatabase>) => Promise<readonly FollowedRecord[]>
  /** Those of `ids` that there are. */
  readonly byIds: (
    session: SystemSession<RegistryDatabase>,
    ids: readonly string[],
  ) => Promise<readonly FollowedRecord[]>
  /**
   * Is told what there is.
   *
   * @param ids of the records that are new, changed or gone; undefined: `records` are all.
   */
  readonly tell: (ids: readonly string[] | undefined, records: readonly FollowedRecord[]) => void
}

/** Follows records with identifiers of their own. */
export const recordFollower = <FollowedRecord extends { readonly id: string }>({
  all,
  byIds,
  kinds,
  tell,
}: RecordFollowerOptions<FollowedRecord>): ChangeFollower => {
  const known = new Map<string, FollowedRecord>()
  const takeOver = (ids: readonly string[] | undefined, records: readonly FollowedRecord[]): void => {
    if (ids === undefined) known.clear()
    for (const id of ids ?? []) known.delete(id)
    for (const record of records) known.set(record.id, record)
    tell(ids, records)
  }
  return {
    kinds,
    readAll: async (session) => {
      const records = await all(session)
      return () => takeOver(undefined, records)
    },
    read: async (session, ids) => {
      const records = await byIds(session, ids)
      return () => takeOver(ids, records)
    },
    known: () => [...known.values()],
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was known to another follower of the same kinds
    resume: (records) => takeOver(undefined, records as readonly FollowedRecord[]),
  }
}
