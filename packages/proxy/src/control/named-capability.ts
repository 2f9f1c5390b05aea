import { findMember, readValue, type ScannedMessage } from '@mreg/mcp-wire'
import type { DefinitionKind } from '@mreg/registry'

/** What a request wants to use of its server. */
export interface NamedCapability {
  readonly kind: DefinitionKind
  /** As the server calls it. */
  readonly name: string
}

/** What a request names; undefined: nothing. */
export const namedCapability = (body: Uint8Array, scanned: ScannedMessage): NamedCapability | undefined => {
  const { method, name, uri, paramsSpan } = scanned
  if (method === 'tools/call') return named('tool', name)
  if (method === 'prompts/get') return named('prompt', name)
  if (method === 'resources/read' || method === 'resources/subscribe') return named('resource', uri)
  if (method !== 'completion/complete' || paramsSpan === undefined) return undefined
  const ref = findMember(body, paramsSpan, 'ref')
  if (ref === undefined || body[ref.start] !== 0x7b) return undefined
  const at = (key: string): unknown => {
    const span = findMember(body, ref, key)
    return span && readValue(body, span)
  }
  return named('prompt', at('name')) ?? named('resource_template', at('uri'))
}

const named = (kind: DefinitionKind, name: unknown): NamedCapability | undefined =>
  typeof name === 'string' ? { kind, name } : undefined
