import type { CapabilityFlag } from '@mreg/repositories'

/** What a server can offer, as its lists name it. */
export type DefinitionKind = 'tool' | 'prompt' | 'resource' | 'resource_template'

/** All of them. */
export const DEFINITION_KINDS: readonly DefinitionKind[] = ['tool', 'prompt', 'resource', 'resource_template']

/** One thing that a server offers, as the server wrote it. */
export interface Definition {
  readonly kind: DefinitionKind
  /** What it is called by: the name of a tool or prompt, the URI of a resource, the URI template of a template. */
  readonly name: string
  /** The JSON object, to the byte. */
  readonly bytes: Uint8Array
  /**
   * SHA-256 in hexadecimal digits over what the object says. Neither the order of its members nor white space is in it, so it
   * changes when the meaning may have changed, and only then.
   */
  readonly hash: string
  /** What clients and people should know about it; undefined: nothing. */
  readonly marks?: DefinitionMarks | undefined
}

/** What is known of a definition besides what it says. */
export interface DefinitionMarks {
  /**
   * `changed`: it differs from what was approved, and is served all the same; `quarantined`: the server offers another one by now,
   * which is held. undefined: neither.
   */
  readonly state?: 'changed' | 'quarantined' | undefined
  /** What stands out about it. */
  readonly flags?: readonly CapabilityFlag[] | undefined
}

/** How the definitions of one kind are listed. */
export interface DefinitionList {
  /** The method that lists them. */
  readonly method: string
  /** The member of the result that holds them. */
  readonly member: string
  /** The member of each that it is called by. */
  readonly key: string
}

/** The lists of the protocol, by what they list. */
export const DEFINITION_LISTS: Readonly<Record<DefinitionKind, DefinitionList>> = {
  tool: { method: 'tools/list', member: 'tools', key: 'name' },
  prompt: { method: 'prompts/list', member: 'prompts', key: 'name' },
  resource: { method: 'resources/list', member: 'resources', key: 'uri' },
  resource_template: {
    method: 'resources/templates/list',
    member: 'resourceTemplates',
    key: 'uriTemplate',
  },
}
