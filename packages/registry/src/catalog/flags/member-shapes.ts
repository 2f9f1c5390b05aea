import type { Definition, DefinitionKind } from '../definition.ts'

type Shape = 'string' | 'number' | 'array' | 'object'

/** What members of a definition are, where they are there. Clients refuse a whole list for one that is something else. */
const SHAPES: ReadonlyMap<string, Shape> = new Map([
  ['title', 'string'],
  ['description', 'string'],
  ['mimeType', 'string'],
  ['size', 'number'],
  ['annotations', 'object'],
  ['outputSchema', 'object'],
  ['execution', 'object'],
  ['icons', 'array'],
  ['arguments', 'array'],
  ['_meta', 'object'],
])

/** How a definition has to be changed so that clients take it, and why. */
export interface MemberRepair {
  readonly member: string
  /** The JSON text to put there; undefined: the member is left out. */
  readonly json: string | undefined
  /** For people. */
  readonly detail: string
}

/** What of a definition would make clients refuse the list that it is in. */
export const memberRepairs = (
  kind: DefinitionKind,
  name: string,
  value: Readonly<Record<string, unknown>>,
): readonly MemberRepair[] => {
  const repairs: MemberRepair[] = []
  for (const [member, shape] of SHAPES)
    if (member in value && shapeOf(value[member]) !== shape)
      repairs.push({ member, json: undefined, detail: `${member} is no ${shape}` })
  if (kind === 'tool') {
    const { inputSchema } = value
    if (shapeOf(inputSchema) !== 'object' || (isObject(inputSchema) && inputSchema['type'] !== 'object'))
      repairs.push({
        member: 'inputSchema',
        json: objectSchema(inputSchema),
        detail: 'inputSchema is not for objects',
      })
  }
  const hasTitle = kind === 'resource' || kind === 'resource_template'
  if (hasTitle && typeof value['name'] !== 'string')
    repairs.push({ member: 'name', json: JSON.stringify(name), detail: 'name is missing' })
  return repairs
}

/** The same with `type: "object"`, when only that is missing; else one that says nothing. */
const objectSchema = (schema: unknown): string =>
  JSON.stringify(
    isObject(schema) && schema['type'] === undefined ? { ...schema, type: 'object' } : { type: 'object' },
  )

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => shapeOf(value) === 'object'

const shapeOf = (value: unknown): string => {
  if (Array.isArray(value)) return 'array'
  return value === null ? 'null' : typeof value
}

/** The JSON object that a definition is. */
export const valueOf = ({ bytes }: Pick<Definition, 'bytes'>): Readonly<Record<string, unknown>> => {
  const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString())
  return isObject(value) ? value : {}
}
