import { type DefinitionKind, templateMatcher, type WithheldCapability } from '@mreg/registry'

/** What of one server is switched off or held, for quick questions. */
export class Withheld {
  readonly #byName: ReadonlyMap<string, readonly WithheldCapability[]>
  readonly #kinds: ReadonlySet<DefinitionKind>
  readonly #templates: readonly ((uri: string) => boolean)[]

  constructor(withheld: readonly WithheldCapability[]) {
    this.#byName = Map.groupBy(withheld, ({ kind, name }) => `${kind} ${name}`)
    this.#kinds = new Set(withheld.map(({ kind }) => kind))
    this.#templates = withheld
      .filter(({ kind }) => kind === 'resource_template')
      .map(({ name }) => templateMatcher(name))
  }

  /** What is withheld under a name, in everybody's list and in those of principals. */
  of(kind: DefinitionKind, name: string): readonly WithheldCapability[] {
    return this.#byName.get(`${kind} ${name}`) ?? []
  }

  /** Whether a list of that kind is not what the server would answer. */
  has(kind: DefinitionKind): boolean {
    return this.#kinds.has(kind)
  }

  /** Whether a URI may have been made from a template that is withheld. */
  matchesTemplate(uri: string): boolean {
    return this.#templates.some((matches) => matches(uri))
  }
}
