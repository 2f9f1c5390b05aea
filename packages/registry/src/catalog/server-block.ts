import { prefixUri } from '@mreg/mcp-wire'

import type { Definition, DefinitionKind } from './definition.ts'
import { exposeDefinition } from './expose-definition.ts'
import type { ExposedNames } from './exposed-names.ts'
import { loginEntry, needsLogin } from './login-entry.ts'
import { templateMatcher } from './template-matcher.ts'

/** What one server offers, as far as it is known. */
export interface CatalogServer {
  readonly serverId: string
  readonly slug: string
  /** Under which it is filed; undefined: none. */
  readonly tags?: readonly string[] | undefined
  readonly definitions: readonly Definition[]
  /** When the server itself said so last, to within an hour or two if that was before this process began; undefined: nobody knows. */
  readonly seenAt?: Date | undefined
  /** How long, in milliseconds since 1970, and for whom it is good, as the server said; undefined: it did not say. */
  readonly freshness?: { readonly until: number; readonly isPublic: boolean } | undefined
  /** Why what is shown may be old; undefined: the server works. */
  readonly unavailable?:
    | {
        readonly since: Date
        /** In words for a person. */
        readonly reason: string
        /** Stable: `needs_login` and the like; undefined: there is none. */
        readonly code?: string | undefined
      }
    | undefined
}

/** A definition as clients see it. */
export interface CatalogEntry {
  readonly server: CatalogServer
  readonly definition: Definition
  /** What clients call it. */
  readonly exposed: string
  /** The JSON object with that name in it. */
  readonly bytes: Uint8Array
  /** What the gateway itself does when it is called; undefined: the server is called. */
  readonly action?: 'login' | undefined
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
    const uris = new Set(server.definitions.flatMap(({ kind, name }) => (kind === 'resource' ? [name] : [])))
    const uriOf = (uri: string): string =>
      (uris.has(uri) ? names.expose('resource', server.slug, uri) : undefined) ?? prefixUri(server.slug, uri)
    for (const definition of server.definitions) {
      const exposed = names.expose(definition.kind, server.slug, definition.name)
      // What a list names twice is there once.
      if (exposed === undefined || seen.has(`${definition.kind} ${exposed}`)) continue
      seen.add(`${definition.kind} ${exposed}`)
      entries[definition.kind].push({
        server,
        definition,
        exposed,
        bytes: exposeDefinition(definition, exposed, uriOf),
      })
    }
    if (needsLogin(server)) entries.tool.push(loginEntry(server, names))
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

  /** The templates that a URI may have been made from. */
  *templatesOf(uri: string): Generator<CatalogEntry, void, undefined> {
    for (const { matches, entry } of this.#templates) if (matches(uri)) yield entry
  }

  /** What the server's own URI stands for: the resource, else the first template. */
  findOwn(uri: string): CatalogEntry | undefined {
    const resource = this.#entries.resource.find(({ definition }) => definition.name === uri)
    if (resource !== undefined) return resource
    return this.#entries.resource_template.find(({ definition }) => templateMatcher(definition.name)(uri))
  }
}
