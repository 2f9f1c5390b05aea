import { encodeParamHeader, HEADER, readValue, type ScannedMessage } from '@mreg/mcp-wire'
import { type HeaderPair, isJsonObject, type JsonObject } from '@mreg/upstream'

/** What has to be known of a tool to call it for a client of the older era. */
interface ToolShape {
  /** Arguments that are mirrored in a header, by where they stand. */
  readonly mirrored: readonly { readonly path: readonly string[]; readonly header: string }[]
  /** Whether its structured results are no objects, so that they are handed over inside of one. */
  readonly isWrapped: boolean
}

/** The most tools that are remembered; those listed first go first. */
const MAX_TOOLS = 10_000
/** Deepest nesting of properties that is looked into. */
const MAX_DEPTH = 16

/** What is known of the tools of one server, from its last list. */
export class ToolShapes {
  readonly #tools = new Map<string, ToolShape>()

  /** Takes over the tools of a list. */
  learn(tools: readonly unknown[]): void {
    for (const tool of tools) {
      if (!isJsonObject(tool) || typeof tool['name'] !== 'string') continue
      this.#tools.delete(tool['name'])
      this.#tools.set(tool['name'], {
        mirrored: mirroredIn(tool['inputSchema']),
        isWrapped: needsWrapping(tool['outputSchema']),
      })
      const [oldest] = this.#tools.keys()
      if (this.#tools.size > MAX_TOOLS && oldest !== undefined) this.#tools.delete(oldest)
    }
  }

  isWrapped(name: string | undefined): boolean {
    return name !== undefined && this.#tools.get(name)?.isWrapped === true
  }

  /** The headers that mirror arguments of a call. */
  headersFor(bytes: Uint8Array, { argumentsSpan, name = '' }: ScannedMessage): HeaderPair[] {
    const mirrored = this.#tools.get(name)?.mirrored ?? []
    if (mirrored.length === 0 || argumentsSpan === undefined) return []
    const given = readValue(bytes, argumentsSpan)
    return mirrored.flatMap(({ path, header }) => {
      const value = path.reduce<unknown>((at, key) => (isJsonObject(at) ? at[key] : undefined), given)
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return []
      const encoded = encodeParamHeader(value)
      return encoded === undefined ? [] : [[`${HEADER.paramPrefix}${header}`, encoded] as const]
    })
  }
}

/** Whether a schema allows results that clients of the older era do not take: they want objects. */
export const needsWrapping = (outputSchema: unknown): boolean =>
  isJsonObject(outputSchema) && outputSchema['type'] !== 'object'

/** A schema for objects around what another schema is for. */
export const wrappedSchema = (outputSchema: JsonObject): JsonObject => {
  const { $defs, $schema, definitions, ...schema } = outputSchema
  return {
    ...($schema === undefined ? {} : { $schema }),
    type: 'object',
    properties: { result: schema },
    required: ['result'],
    ...($defs === undefined ? {} : { $defs }),
    ...(definitions === undefined ? {} : { definitions }),
  }
}

const mirroredIn = (
  schema: unknown,
  path: readonly string[] = [],
): { readonly path: readonly string[]; readonly header: string }[] => {
  const properties = isJsonObject(schema) ? schema['properties'] : undefined
  if (!isJsonObject(properties) || path.length >= MAX_DEPTH) return []
  return Object.entries(properties).flatMap(([key, property]) => {
    const header = isJsonObject(property) ? property['x-mcp-header'] : undefined
    const here = [...path, key]
    const own = typeof header === 'string' && TOKEN.test(header) ? [{ path: here, header }] : []
    return [...own, ...mirroredIn(property, here)]
  })
}

/** What the name of a header is made of (RFC 9110, section 5.6.2). */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/u
