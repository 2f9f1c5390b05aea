import { usageFailure } from '../command-failure.ts'
import { isJsonObject } from '../json-object.ts'

/** The part of a tool's input schema that says how a typed word is meant. */
export interface InputSchema {
  readonly properties?: Readonly<Record<string, unknown>> | undefined
  readonly required?: readonly string[] | undefined
}

/**
 * Arguments of a tool from words such as `message=hello` or `count=3`, each read as the tool's schema says: a number
 * where it wants a number, JSON where it wants a list or an object, text elsewhere.
 *
 * @throws {CommandFailure} `usage`, when a word is not what the schema wants or a name is unknown.
 */
export const toolArguments = (words: readonly string[], schema: InputSchema): Record<string, unknown> => {
  const args: Record<string, unknown> = {}
  for (const word of words) {
    const at = word.indexOf('=')
    if (at < 1) throw usageFailure(`${JSON.stringify(word)} is not an argument; write --arg name=value`)
    const name = word.slice(0, at)
    args[name] = valueOf(name, word.slice(at + 1), typesOf(schema.properties?.[name]))
  }
  return args
}

const valueOf = (name: string, text: string, types: readonly string[]): unknown => {
  const wrong = (wanted: string): Error =>
    usageFailure(
      `${name}=${text}: the tool wants ${wanted} here`,
      'Show what it takes with: mreg tools NAME TOOL',
    )
  if (types.length === 0 || types.includes('string')) return text
  const value = json(text)
  const kind = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
  if (types.includes(kind)) return value
  if (kind === 'number' && types.includes('integer') && Number.isInteger(value)) return value
  throw wrong(types.map((type) => WORDS[type] ?? type).join(' or '))
}

const WORDS: Readonly<Record<string, string>> = {
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a JSON list',
  object: 'a JSON object',
  null: 'null',
}

const json = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The types that a property may have; empty when the schema does not say. */
const typesOf = (property: unknown): string[] => {
  if (!isJsonObject(property)) return []
  const { type } = property
  if (typeof type === 'string') return [type]
  if (Array.isArray(type)) return type.filter((each) => typeof each === 'string')
  for (const alternatives of ['anyOf', 'oneOf'] as const) {
    const each = property[alternatives]
    if (Array.isArray(each)) return each.flatMap(typesOf)
  }
  return []
}
