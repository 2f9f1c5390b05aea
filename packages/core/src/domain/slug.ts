/** What a slug looks like: 1 to 20 of `a`–`z`, `0`–`9` and `-`, with no `-` at either end. */
export const SLUG_PATTERN = /^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$/u

/** Slugs that would collide with the gateway's own paths. */
export const RESERVED_SLUGS: ReadonlySet<string> = new Set(['sets', 't', 'server-card'])

/** Why `slug` cannot be used, in words for a person; undefined when it can. */
export const slugFault = (slug: string): string | undefined => {
  if (!SLUG_PATTERN.test(slug)) {
    return 'must be 1 to 20 characters of a-z, 0-9 and "-", and neither start nor end with "-"'
  }
  return RESERVED_SLUGS.has(slug)
    ? `"${slug}" is reserved for the gateway's own paths; choose another`
    : undefined
}
