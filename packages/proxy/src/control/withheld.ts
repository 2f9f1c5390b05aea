import { type DefinitionKind, templateMatcher, type WithheldCapability } from '@mreg/registry'

const KINDS: readonly DefinitionKind[] = ['tool', 'prompt', 'resource', 'resource_template']

/** Of which kinds something else is withheld than before. */
export const changedKindsBetween = (
  before: Withheld | undefined,
  after: Withheld | undefined,
): ReadonlySet<DefinitionKind> =>
  before === after
    ? new Set()
    : new Set(KINDS.filter((kind) => before?.contentOf(kind) !== after?.contentOf(kind)))

/** What of one server is switched off or held, for quick questions. */
export class Withheld {
  readonly #byName: ReadonlyMap<string, readonly WithheldCapability[]>
  readonly #kinds: ReadonlySet<DefinitionKind>
  readonly #all: readonly WithheldCapability[]
  readonly #templates: readonly ((uri: string) => boolean)[]

  constructor(withheld: readonly WithheldCapability[]) {
    this.#all = withheld
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

  /** The same text for the same things withheld of that kind, whatever their order; undefined: nothing is. */
  contentOf(kind: DefinitionKind): string | undefined {
    if (!this.#kinds.has(kind)) return undefined
    return JSON.stringify(
      this.#all
        .filter((each) => each.kind === kind)
        .map(({ name, scopeKey, state, wasApproved }) => JSON.stringify([name, scopeKey, state, wasApproved]))
        .toSorted((one, other) => (one < other ? -1 : 1)),
    )
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
