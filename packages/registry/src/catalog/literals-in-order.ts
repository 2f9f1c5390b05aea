/**
 * Tells whether a text begins with the first of some literals, ends with the last, and has the others between them in their
 * order; with a single literal, whether it is that. Linear in the text and the literals, whatever they are.
 */
export const literalsInOrder = (literals: readonly string[]): ((text: string) => boolean) => {
  const [first = '', ...rest] = literals
  const last = rest.pop()
  if (last === undefined) return (text) => text === first
  return (text) => {
    if (!text.startsWith(first)) return false
    let from = first.length
    // The earliest place for each literal leaves the most for those after it.
    for (const literal of rest) {
      const at = text.indexOf(literal, from)
      if (at < 0) return false
      from = at + literal.length
    }
    return text.length - last.length >= from && text.endsWith(last)
  }
}
