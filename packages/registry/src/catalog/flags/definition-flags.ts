import type { Definition } from '../definition.ts'
import { type HiddenCharacters, hiddenCharactersIn } from './hidden-characters.ts'
import { memberRepairs, valueOf } from './member-shapes.ts'
import { parameterHeaderFault } from './parameter-headers.ts'

/** What was noticed about a definition. */
export type FlagCode =
  | HiddenCharacters
  | 'long_text'
  | 'large_definition'
  | 'invalid_parameter_header'
  | 'malformed_member'
  | 'look_alike_name'

/** Something about a definition that a person should know before trusting it. Nothing is cut because of it. */
export interface DefinitionFlag {
  readonly code: FlagCode
  /** What it is about and where, for people; ASCII. */
  readonly detail: string
}

/** A text longer than this stands out, in characters: the longest of well-known servers have half of it. */
const LONG_TEXT = 8192
/** A definition larger than this stands out, in bytes. */
const LARGE_DEFINITION = 65_536
/** The most flags of one definition. */
const MAX_FLAGS = 10
/** The most values of one definition that are looked at. */
const MAX_VALUES = 20_000

/** What stands out about a definition by itself. */
export const definitionFlags = (definition: Definition): readonly DefinitionFlag[] => {
  const value = valueOf(definition)
  const flags: DefinitionFlag[] = []
  if (definition.bytes.length > LARGE_DEFINITION)
    flags.push({ code: 'large_definition', detail: `it has ${definition.bytes.length} bytes` })
  for (const { detail } of memberRepairs(definition.kind, definition.name, value))
    flags.push({ code: 'malformed_member', detail })
  const headerFault = definition.kind === 'tool' ? parameterHeaderFault(value['inputSchema']) : undefined
  if (headerFault !== undefined) flags.push({ code: 'invalid_parameter_header', detail: headerFault })
  for (const { path, text } of textsIn(value)) {
    if (text.length > LONG_TEXT)
      flags.push({ code: 'long_text', detail: `${path} has ${text.length} characters` })
    for (const { kind, codePoints } of hiddenCharactersIn(text))
      flags.push({ code: kind, detail: `${path} holds ${codePoints.join(', ')}` })
    if (flags.length >= MAX_FLAGS) break
  }
  return flags.slice(0, MAX_FLAGS)
}

/** All texts in a value with where they are: members' names as well, for a model reads those too. */
function* textsIn(root: unknown): Generator<{ readonly path: string; readonly text: string }> {
  const waiting: { readonly path: string; readonly value: unknown }[] = [{ path: '', value: root }]
  for (let looked = 0; looked < MAX_VALUES; looked += 1) {
    const next = waiting.pop()
    if (next === undefined) return
    const { path, value } = next
    if (typeof value === 'string') yield { path, text: value }
    else if (Array.isArray(value))
      waiting.push(
        ...value.map((item: unknown, index) => ({ path: `${path}[${index}]`, value: item })).toReversed(),
      )
    else if (typeof value === 'object' && value !== null) {
      const members = Object.entries(value).slice(0, MAX_VALUES)
      for (const [key] of members)
        if (!PLAIN_KEY.test(key)) yield { path: `a member of ${path || 'it'}`, text: key }
      waiting.push(
        ...members
          .map(([key, member]) => ({ path: memberPath(path, key), value: member as unknown }))
          .toReversed(),
      )
    }
  }
}

const PLAIN_KEY = /^[\u0020-\u007E]{0,128}$/u

const memberPath = (path: string, key: string): string => {
  const shown = PLAIN_KEY.test(key) ? key : '?'
  return path === '' ? shown : `${path}.${shown}`.slice(0, 200)
}
