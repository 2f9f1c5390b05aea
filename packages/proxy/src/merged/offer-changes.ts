import { type CatalogServer, type Definition, type DefinitionKind, needsLogin } from '@mreg/registry'

/** Whether a server offers the same as before. */
export const isSameOffer = (one: readonly Definition[], other: readonly Definition[]): boolean =>
  one.length === other.length && one.every(({ hash }, index) => hash === other[index]?.hash)

/** Whether a server was away and is back. */
export const isBack = (before: CatalogServer | undefined, after: CatalogServer): boolean =>
  before?.unavailable !== undefined && after.unavailable === undefined

/** Of which kinds a server offers something else than before; of all that it offers, when it is back. */
export const changedKinds = (
  before: CatalogServer | undefined,
  after: CatalogServer,
): ReadonlySet<DefinitionKind> => {
  const were = new Map(before?.definitions.map(({ kind, name, hash }) => [`${kind} ${name}`, { kind, hash }]))
  const kinds = new Set<DefinitionKind>()
  for (const { kind, name, hash } of after.definitions) {
    const key = `${kind} ${name}`
    if (were.get(key)?.hash !== hash || isBack(before, after)) kinds.add(kind)
    were.delete(key)
  }
  for (const { kind } of were.values()) kinds.add(kind)
  // A tool says so.
  if (needsLogin(before) !== needsLogin(after)) kinds.add('tool')
  return kinds
}
