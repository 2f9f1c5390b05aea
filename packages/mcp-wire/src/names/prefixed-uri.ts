/** `mcp.` begins with a letter, as a scheme must, whatever the owner begins with; an owner has no `+`. */
const SCHEME = 'mcp.'
const PREFIXED = /^mcp\.([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\+/i

/**
 * A URI, or URI template, of one server made different from the same URI of another: `mcp.owner+file:///x`. It is a URI
 * again (RFC 3986 section 3.1: a scheme may have `.`, `-` and `+`), and a template stays one (RFC 6570).
 */
export function prefixUri(owner: string, uri: string): string {
  return `${SCHEME}${owner}+${uri}`
}

/** The owner and the URI that {@link prefixUri} was given; undefined for a URI without such a prefix. */
export function splitPrefixedUri(uri: string): { readonly owner: string; readonly uri: string } | undefined {
  const match = PREFIXED.exec(uri)
  // A scheme has no case (RFC 3986 section 3.1), and clients may normalise it.
  return match?.[1] === undefined
    ? undefined
    : { owner: match[1].toLowerCase(), uri: uri.slice(match[0].length) }
}
