import type { JsonObject } from '../json-object.ts'
import type { Asker } from './asker.ts'
import { type InputValue, VariableError } from './variables.ts'

export interface InputSourceOptions {
  /** The `inputs` of the file. */
  readonly definitions: readonly JsonObject[]
  /** Values that were given on the command line, by id. */
  readonly given: ReadonlyMap<string, string>
  /** undefined: nobody is there to be asked. */
  readonly asker: Asker | undefined
}

/**
 * Leaves inputs as they are written, but for those that were given: enough to see whether anything has changed, so that
 * nobody is asked in vain.
 */
export const unaskedInputs =
  ({ definitions, given }: Omit<InputSourceOptions, 'asker'>): ((id: string) => Promise<InputValue>) =>
  (id) =>
    Promise.resolve({ value: given.get(id) ?? `\${input:${id}}`, secret: isSecret(id, definitions) })

/** The inputs whose values are still to be asked for. */
export const inputsIn = (value: unknown): string[] => [
  ...new Set(Array.from(JSON.stringify(value).matchAll(/\$\{input:([^{}"]*)\}/gu), ([, id]) => id ?? '')),
]

/** Gives the values of inputs, asking for each at most once. */
export const inputSource = (options: InputSourceOptions): ((id: string) => Promise<InputValue>) => {
  const known = new Map<string, Promise<InputValue>>()
  return (id) => {
    const value = known.get(id) ?? ask(id, options)
    known.set(id, value)
    return value
  }
}

const ask = async (id: string, { definitions, given, asker }: InputSourceOptions): Promise<InputValue> => {
  const definition = definitions.find((candidate) => candidate['id'] === id)
  const secret = isSecret(id, definitions)
  const present = given.get(id)
  if (present !== undefined) return { value: present, secret }
  if (asker === undefined) {
    throw new VariableError(id, `it asks for ${id}; run this in a terminal, or give --input ${id}=VALUE`)
  }
  const question = textOf(definition, 'description') ?? id
  const fallback = textOf(definition, 'default')
  const choices = choicesOf(definition)
  return { value: await asker.ask({ question, secret, fallback, choices }), secret }
}

const isSecret = (id: string, definitions: readonly JsonObject[]): boolean =>
  definitions.some((definition) => definition['id'] === id && definition['password'] === true)

const textOf = (definition: JsonObject | undefined, name: string): string | undefined => {
  const value = definition?.[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** What can be picked: words, or objects with a value. */
const choicesOf = (definition: JsonObject | undefined): string[] | undefined => {
  const options = definition?.['options']
  if (!Array.isArray(options)) return undefined
  return options.flatMap((option: unknown) => {
    if (typeof option === 'string') return [option]
    return typeof option === 'object' && option !== null && 'value' in option ? [String(option.value)] : []
  })
}
