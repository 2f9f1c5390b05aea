import type { Definition, DefinitionKind } from './definition.ts'
import { exposeDefinition } from './expose-definition.ts'
import type { ExposedNames } from './exposed-names.ts'
import { templateMatcher } from './template-matcher.ts'

/** What one server offers, as far as it is known. */
export interface CatalogServer {
  readonly serverId: string
  readonly slug: string
  readonly definitions: readonly Definition[]
  /** Why what is shown may be old; undefined: the server works. */
  readonly unavailable?: { readonly since: Date; readonly reason: string } | undefined
}

/** A definition as clients see it. */
export interface CatalogEntry {
  readonly server: CatalogServer
  readonly definition: Definition
  /** What clients call it. */
  readonly exposed: string
  /** The JSON object with that name in it. */
  readonly bytes: Uint8Array
}

/** The entries of one server, in the order of their exposed names. */
export class ServerBlock {
  readonly server: CatalogServer
  readonly #entries: Readonly<Record<DefinitionKind, readonly CatalogEntry[]>>
  readonly #templates: readonly { readonly matches: (uri: string) => boolean; readonly entry: CatalogEntry }[]

  constructor(server: CatalogServer, names: ExposedNames) {
    this.server = server
    const entries: Record<DefinitionKind, CatalogEntry[]> = {
      tool: [],
      prompt: [],
      resource: [],
      resource_template: [],
    }
    const seen = new Set<string>()
    for (const definition of server.definitions) {
      const exposed = names.expose(definition.kind, server.slug, definition.name)
      // What a list names twice is there once.
      if (exposed === undefined || seen.has(`${definition.kind} ${exposed}`)) continue
      seen.add(`${definition.kind} ${exposed}`)
      entries[definition.kind].push({
        server,
        definition,
        exposed,
        bytes: exposeDefinition(definition, exposed),
      })
    }
    for (const list of Object.values(entries)) list.sort((a, b) => (a.exposed < b.exposed ? -1 : 1))
    this.#entries = entries
    this.#templates = entries.resource_template.map((entry) => ({
      entry,
      matches: templateMatcher(entry.exposed),
    }))
  }

  entries(kind: DefinitionKind): readonly CatalogEntry[] {
    return this.#entries[kind]
  }

  /** The first template that a URI may have been made from. */
  findTemplate(uri: string): CatalogEntry | undefined {
    return this.#templates.find(({ matches }) => matches(uri))?.entry
  }
}
