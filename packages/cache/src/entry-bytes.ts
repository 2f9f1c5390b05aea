/** What an entry costs beside its value and its names, in bytes: about what the maps and the objects take. */
const ENTRY_BYTES = 200

/** What an entry takes of this process's memory, in bytes. */
export const entryBytes = (key: string, value: Uint8Array, tags: readonly string[]): number =>
  tags.reduce((bytes, tag) => bytes + 2 * tag.length, value.byteLength + 2 * key.length + ENTRY_BYTES)
