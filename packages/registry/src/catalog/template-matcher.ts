/** Longest template that is matched; a longer one matches nothing. */
const MAX_TEMPLATE_LENGTH = 2048

/**
 * Tells whether a URI may have been made from a URI template (RFC 6570). What an expression can expand to is taken
 * widely: the server has the last word. Linear in the URI and the template, whatever they are.
 */
export const templateMatcher = (template: string): ((uri: string) => boolean) => {
  if (template.length > MAX_TEMPLATE_LENGTH) return () => false
  const literals = template.split(/\{[^{}]*\}/u)
  const [first = '', ...rest] = literals
  const last = rest.pop()
  if (last === undefined) return (uri) => uri === template
  return (uri) => {
    if (!uri.startsWith(first)) return false
    let from = first.length
    // The earliest place for each literal leaves the most for those after it.
    for (const literal of rest) {
      const at = uri.indexOf(literal, from)
      if (at < 0) return false
      from = at + literal.length
    }
    return uri.length - last.length >= from && uri.endsWith(last)
  }
}
