import {
  encodeParamHeader,
  HEADER,
  type MirroredArgument,
  mirroredArguments,
  mirroredValue,
  readValue,
  type ScannedMessage,
} from '@mreg/mcp-wire'
import { type HeaderPair, isJsonObject, type JsonObject } from '@mreg/upstream'

/** What has to be known of a tool to call it for a client of the older era. */
interface ToolShape {
  /** Arguments that are mirrored in a header. */
  readonly mirrored: readonly MirroredArgument[]
  /** Whether its structured results are no objects, so that they are handed over inside of one. */
  readonly isWrapped: boolean
}

/** The most tools that are remembered; those listed first go first. */
const MAX_TOOLS = 10_000

/** What is known of the tools of one server, from its last list. */
export class ToolShapes {
  readonly #tools = new Map<string, ToolShape>()

  /** Takes over the tools of a list. */
  learn(tools: readonly unknown[]): void {
    for (const tool of tools) {
      if (!isJsonObject(tool) || typeof tool['name'] !== 'string') continue
      this.#tools.delete(tool['name'])
      this.#tools.set(tool['name'], {
        mirrored: mirroredArguments(tool['inputSchema']) ?? [],
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
    return mirrored.flatMap((argument) => {
      const value = mirroredValue(given, argument)
      const encoded = value === undefined ? undefined : encodeParamHeader(value)
      return encoded === undefined ? [] : [[`${HEADER.paramPrefix}${argument.header}`, encoded] as const]
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
