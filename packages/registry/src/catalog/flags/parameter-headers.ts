/** What the name of a header is made of (RFC 9110, section 5.6.2). */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/u
/** Only these can be said in a header. */
const TYPES: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean'])
/** Deepest nesting that is looked into; what is deeper is not reached by a client either. */
const MAX_DEPTH = 32

/**
 * What is wrong with the `x-mcp-header` annotations of a tool's input schema, in a few words; undefined: nothing. A client of the
 * newer era drops a tool in which anything is.
 */
export const parameterHeaderFault = (inputSchema: unknown): string | undefined => {
  const names = new Set<string>()
  const look = (schema: unknown, mayBeHere: boolean, depth: number): string | undefined => {
    if (typeof schema !== 'object' || schema === null || depth > MAX_DEPTH) return undefined
    for (const [key, value] of Object.entries(schema)) {
      const fault =
        key === 'properties' && mayBeHere ? lookAtProperties(value, depth) : look(value, false, depth + 1)
      if (fault !== undefined) return fault
    }
    return 'x-mcp-header' in schema && !mayBeHere
      ? 'x-mcp-header stands where no header can come from'
      : undefined
  }
  const lookAtProperties = (properties: unknown, depth: number): string | undefined => {
    if (typeof properties !== 'object' || properties === null) return undefined
    for (const property of Object.values(properties)) {
      const fault = annotationFault(property, names) ?? look(property, true, depth + 1)
      if (fault !== undefined) return fault
    }
    return undefined
  }
  return look(inputSchema, true, 0)
}

const annotationFault = (property: unknown, names: Set<string>): string | undefined => {
  if (typeof property !== 'object' || property === null || !('x-mcp-header' in property)) return undefined
  const header = property['x-mcp-header']
  if (typeof header !== 'string' || !TOKEN.test(header)) return 'x-mcp-header is not the name of a header'
  if (names.has(header.toLowerCase())) return 'x-mcp-header names the same header twice'
  names.add(header.toLowerCase())
  if ('type' in property && TYPES.has(property.type)) return undefined
  return 'x-mcp-header is at an argument that is no string, integer or boolean'
}
