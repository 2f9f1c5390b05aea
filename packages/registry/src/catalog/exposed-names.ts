import { exposedName, prefixUri, splitPrefixedUri } from '@mreg/mcp-wire'

import type { DefinitionKind } from './definition.ts'

/** Under which name something of a server is shown among what others have; once given, it stays. */
export interface ExposedNameRecord {
  readonly serverId: string
  readonly kind: DefinitionKind
  /** What the server calls it. */
  readonly name: string
  /** What clients call it. */
  readonly exposed: string
}

/** Whose name is to be shown. */
export interface NamedServer {
  readonly serverId: string
  readonly slug: string
}

/**
 * The names under which one tenant's clients see what all servers have. Tools and prompts get their server's slug in
 * front. A URI stays as it is for the first server that has it, and gets a prefix for every later one. Whatever was
 * given once is given again, whoever comes or goes.
 */
export class ExposedNames {
  readonly #maxLength: number
  readonly #exposed = new Map<string, Map<string, string>>()
  readonly #taken = new Map<string, string>()
  #added: ExposedNameRecord[] = []

  /**
   * @param records what was given before.
   * @param maxLength longest name of a tool or prompt, in characters.
   */
  constructor(records: Iterable<ExposedNameRecord> = [], maxLength = 50) {
    this.#maxLength = maxLength
    for (const record of records) this.#record(record)
  }

  /** The name to show; undefined when something else of the server has that very name, which takes a contrived one. */
  expose(server: NamedServer, kind: DefinitionKind, name: string): string | undefined {
    const known = this.find(server.serverId, kind, name)
    if (known !== undefined) return known
    const exposed = this.#choose(server, kind, name)
    if (this.#taken.has(keyOf(kind, exposed))) return undefined
    const record = { serverId: server.serverId, kind, name, exposed }
    this.#record(record)
    this.#added.push(record)
    return exposed
  }

  /** The name that was given; undefined: none was. */
  find(serverId: string, kind: DefinitionKind, name: string): string | undefined {
    return this.#exposed.get(serverId)?.get(keyOf(kind, name))
  }

  /** The names that were given since the last call, to be kept. */
  takeAdded(): readonly ExposedNameRecord[] {
    const added = this.#added
    this.#added = []
    return added
  }

  /** Forgets the names of a server that is gone for good. */
  forget(serverId: string): void {
    this.#exposed.delete(serverId)
    for (const [key, owner] of this.#taken) if (owner === serverId) this.#taken.delete(key)
    this.#added = this.#added.filter((record) => record.serverId !== serverId)
  }

  #choose({ slug }: NamedServer, kind: DefinitionKind, name: string): string {
    if (kind === 'tool' || kind === 'prompt') return exposedName(slug, name, this.#maxLength)
    const isFree = splitPrefixedUri(name) === undefined && !this.#taken.has(keyOf(kind, name))
    return isFree ? name : prefixUri(slug, name)
  }

  #record({ serverId, kind, name, exposed }: ExposedNameRecord): void {
    let ofServer = this.#exposed.get(serverId)
    if (ofServer === undefined) this.#exposed.set(serverId, (ofServer = new Map()))
    ofServer.set(keyOf(kind, name), exposed)
    this.#taken.set(keyOf(kind, exposed), serverId)
  }
}

const keyOf = (kind: DefinitionKind, name: string): string => `${kind} ${name}`
