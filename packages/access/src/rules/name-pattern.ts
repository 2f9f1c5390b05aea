/**
 * Whether `name` matches `pattern`, in which `*` stands for any number of characters, and everything else for itself. Takes
 * time in proportion to both lengths at most, whatever they hold: no regular expression is made of what people write.
 */
export const matchesPattern = (pattern: string, name: string): boolean => {
  const [head = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return name === pattern
  if (!name.startsWith(head)) return false
  const tail = rest.pop() ?? ''
  let position = head.length
  for (const part of rest) {
    const found = name.indexOf(part, position)
    if (found === -1) return false
    position = found + part.length
  }
  return name.length - tail.length >= position && name.endsWith(tail)
}

/** Whether one of the names matches one of the patterns. */
export const isAmong = (patterns: readonly string[], names: readonly string[]): boolean =>
  patterns.some((pattern) => names.some((name) => matchesPattern(pattern, name)))
