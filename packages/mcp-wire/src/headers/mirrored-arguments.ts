/** An argument of a tool that is to be repeated in a header. */
export interface MirroredArgument {
  /** Where it stands in the arguments. */
  readonly path: readonly string[]
  /** What follows `Mcp-Param-`, as the tool declares it. */
  readonly header: string
}

/** What the name of a header is made of (RFC 9110, section 5.6.2). */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/

const MIRRORABLE: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean'])

/** Keywords that hold schemas of which it is not known whether they apply, so that nothing in them can be mirrored. */
const CONDITIONAL: ReadonlySet<string> = new Set([
  'items',
  'prefixItems',
  'contains',
  'additionalProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
  'propertyNames',
  'oneOf',
  'anyOf',
  'allOf',
  'not',
  'if',
  'then',
  'else',
])

/** The same, with a name in front of each schema. */
const CONDITIONAL_BY_NAME: ReadonlySet<string> = new Set([
  'patternProperties',
  'dependentSchemas',
  '$defs',
  'definitions',
])

/** Deepest nesting of schemas that is looked into. */
const MAX_DEPTH = 64

/**
 * The arguments that a tool wants repeated in `Mcp-Param-*` headers, by the `x-mcp-header` marks in its input schema.
 * Undefined when a mark breaks the rules: it is no token, there twice, not on a string, an integer or a boolean, or not
 * reached from the root through `properties` alone. Clients over HTTP do not offer such a tool.
 */
export function mirroredArguments(inputSchema: unknown): readonly MirroredArgument[] | undefined {
  const found: MirroredArgument[] = []
  if (!collect(inputSchema, [], true, 0, found)) return undefined
  const names = new Set(found.map(({ header }) => header.toLowerCase()))
  return names.size === found.length ? found : undefined
}

/** Gives false when a mark is not as it should be. */
function collect(
  schema: unknown,
  path: readonly string[],
  isReached: boolean,
  depth: number,
  found: MirroredArgument[],
): boolean {
  if (Array.isArray(schema)) return schema.every((each) => collect(each, path, false, depth, found))
  if (!isObject(schema)) return true
  if (depth > MAX_DEPTH) return false
  const { 'x-mcp-header': header, properties, type } = schema
  if (header !== undefined) {
    const isSound = typeof header === 'string' && TOKEN.test(header) && MIRRORABLE.has(type)
    if (!isSound || !isReached || path.length === 0) return false
    found.push({ path, header })
  }
  for (const [name, property] of isObject(properties) ? Object.entries(properties) : [])
    if (!collect(property, [...path, name], isReached, depth + 1, found)) return false
  return Object.entries(schema).every(([keyword, value]) => {
    if (CONDITIONAL.has(keyword)) return collect(value, path, false, depth + 1, found)
    if (!CONDITIONAL_BY_NAME.has(keyword) || !isObject(value)) return true
    return Object.values(value).every((each) => collect(each, path, false, depth + 1, found))
  })
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value of a mirrored argument; undefined when it is not there, or null, or nothing that a header can hold. */
export function mirroredValue(
  given: unknown,
  { path }: Pick<MirroredArgument, 'path'>,
): string | number | boolean | undefined {
  const value = path.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), given)
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : undefined
}
