/** Where snapshots are kept. */
export interface SnapshotPlace {
  /** For the log, such as `disk`. */
  readonly name: string
  /** What was written last under a name; undefined: nothing, or the place is away. */
  read(name: string): Promise<Uint8Array | undefined>
  /**
   * Puts bytes in the place of what is there, whole or not at all.
   *
   * @param stamp says what is in it: where the same is there already, nothing needs to be done.
   * @throws the place cannot be written.
   */
  write(name: string, bytes: Uint8Array, stamp: string): Promise<void>
  remove(name: string): Promise<void>
}
