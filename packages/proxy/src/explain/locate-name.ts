import type { CatalogEntry, DefinitionKind } from '@mreg/registry'

import type { CatalogViews, Viewer } from '../merged/catalog-views.ts'
import { ownerOfUri } from '../merged/owner-request.ts'
import type { PrincipalCatalog } from '../merged/principal-catalog.ts'

/** What somebody means by a name that clients of many servers use. */
export interface Located {
  readonly kind: DefinitionKind
  /** The server that has it. */
  readonly slug: string
  /** What the server calls it. */
  readonly name: string
  /** In the catalog of all that the caller's servers offer; undefined: it is not there now. */
  readonly entry: CatalogEntry | undefined
}

/** The kinds in the order in which a name is looked for. */
const KINDS: readonly DefinitionKind[] = ['tool', 'prompt', 'resource', 'resource_template']
/** The most that are named as what may have been meant. */
const MAX_CANDIDATES = 10

/**
 * Finds out what a name stands for: something that is offered, under its name in the merged lists or that of the toolset; something
 * that was offered once; or a URI that a server spoke of. undefined: nothing that is known.
 *
 * @param kind undefined: any.
 */
export const locateName = (
  known: PrincipalCatalog,
  views: CatalogViews,
  viewer: Viewer,
  name: string,
  kind?: DefinitionKind,
): Located | undefined => {
  const { catalog } = known
  const kinds = kind === undefined ? KINDS : [kind]
  for (const each of kinds) {
    const entry =
      (each === 'resource' ? catalog.findResource(name) : catalog.find(each, name)) ??
      views.renamed(catalog, viewer, each, name)
    if (entry !== undefined) {
      const { definition, server } = entry
      // What was made from a template goes by its own URI.
      const owned = each === 'resource' ? ownerOfUri(name, catalog) : undefined
      return { kind: each, slug: server.slug, name: owned?.name ?? definition.name, entry }
    }
  }
  for (const each of kinds) {
    const owner = known.ownerOfName(each, name)
    if (owner !== undefined) return { kind: each, slug: owner.slug, name: owner.original, entry: undefined }
  }
  const spokenOf = kinds.includes('resource') ? ownerOfUri(name, catalog) : undefined
  return spokenOf && { kind: 'resource', ...spokenOf, entry: undefined }
}

/** What clients call something that servers call so: somebody may have meant that. */
export const namesLike = ({ catalog }: PrincipalCatalog, name: string): readonly string[] =>
  KINDS.flatMap((kind) => catalog.entries(kind).filter(({ definition }) => definition.name === name))
    .map(({ exposed }) => exposed)
    .slice(0, MAX_CANDIDATES)
