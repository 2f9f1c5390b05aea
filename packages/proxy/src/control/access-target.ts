import { Buffer } from 'node:buffer'

import type { AccessTarget } from '@mreg/access'
import type { Definition, DefinitionKind } from '@mreg/registry'

const readOnly = new WeakMap<Definition, boolean>()

/** Whether the server calls a tool read-only; it is read once of each definition. */
const isReadOnly = (definition: Definition): boolean => {
  let known = readOnly.get(definition)
  if (known === undefined) readOnly.set(definition, (known = readHint(definition)))
  return known
}

/** What somebody wants to use of a server, as access is asked about it. */
export const accessTarget = (
  server: string,
  { kind, name }: { readonly kind: DefinitionKind; readonly name: string },
  definition: Definition | undefined,
): AccessTarget =>
  kind === 'tool'
    ? { kind, server, name, isReadOnly: definition && isReadOnly(definition) }
    : { kind, server, name }

const readHint = ({ bytes }: Definition): boolean => {
  const tool: unknown = JSON.parse(Buffer.from(bytes).toString())
  return hasTrue(member(tool, 'annotations'), 'readOnlyHint')
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined

const hasTrue = (value: unknown, name: string): boolean => member(value, name) === true
