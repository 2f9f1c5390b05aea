import { prefixUri, splitPrefixedUri } from '@mreg/mcp-wire'

import type { PrincipalCatalog } from './principal-catalog.ts'

/**
 * What is in no list may be read all the same, through the server that spoke of it. What anybody can fetch from the web stays
 * what it is, for clients do that themselves.
 */
export const exposedUri = (uri: string, slug: string, listed: string | undefined): string => {
  if (listed !== undefined) return listed
  return /^https?:/iu.test(uri) && splitPrefixedUri(uri) === undefined ? uri : prefixUri(slug, uri)
}

/** The URI, if it is made from a template of the server under which clients know it as it is. */
export const fromTemplate = (
  uri: string,
  slug: string,
  { catalog }: PrincipalCatalog,
): string | undefined => {
  const entry = catalog.findResource(uri)
  return entry?.server.slug === slug && entry.exposed === entry.definition.name ? uri : undefined
}
