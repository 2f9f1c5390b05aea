import { isObject, textIn } from './json-members.ts'

/** What the arguments of a tool (the properties of its schema) or of a prompt are called; none for anything else. */
export const argumentNames = (definition: unknown): readonly string[] => {
  if (!isObject(definition)) return []
  const { arguments: listed, inputSchema } = definition
  if (Array.isArray(listed)) return listed.flatMap((argument) => textIn(argument, 'name') ?? [])
  const properties = isObject(inputSchema) ? inputSchema['properties'] : undefined
  return isObject(properties) ? Object.keys(properties) : []
}
