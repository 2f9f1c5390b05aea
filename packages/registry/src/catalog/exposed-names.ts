import { exposedName, prefixUri, splitPrefixedUri } from '@mreg/mcp-wire'

import type { DefinitionKind } from './definition.ts'

/** Under which name something of a server is shown among what others have; once given, it stays. */
export interface ExposedNameRecord {
  readonly kind: DefinitionKind
  /** Whose it is. A server that is registered anew under its old slug has its old names. */
  readonly slug: string
  /** What the server calls it. */
  readonly original: string
  /** What clients call it. */
  readonly exposed: string
}

/**
 * The names under which one tenant's clients see what all servers have. Tools and prompts get their server's slug in
 * front. A URI stays as it is for the first server that has it, and gets a prefix for every later one. Whatever was
 * given once is given again, whoever comes or goes.
 */
export class ExposedNames {
  readonly #maxLength: number
  readonly #exposed = new Map<string, string>()
  readonly #owners = new Map<string, string>()

  /** @param maxLength longest name of a tool or prompt, in characters. */
  constructor(maxLength = 50) {
    this.#maxLength = maxLength
  }

  /** Takes over a name that was given before, here or by somebody else. */
  learn({ kind, slug, original, exposed }: ExposedNameRecord): void {
    const before = this.#exposed.get(keyOf(kind, slug, original))
    if (before !== undefined) this.#owners.delete(keyOf(kind, before))
    this.#exposed.set(keyOf(kind, slug, original), exposed)
    this.#owners.set(keyOf(kind, exposed), slug)
  }

  /** Every name that is known. */
  *all(): Generator<ExposedNameRecord, void, undefined> {
    for (const [key, exposed] of this.#exposed) {
      const [kind = '', slug = '', ...original] = key.split(' ')
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as it was learned
      yield { kind: kind as DefinitionKind, slug, original: original.join(' '), exposed }
    }
  }

  /** Whose something is that clients know under a name; undefined: nobody was given that. For a question now and then: it looks through all. */
  ownerOf(kind: DefinitionKind, exposed: string): ExposedNameRecord | undefined {
    const slug = this.#owners.get(keyOf(kind, exposed))
    if (slug === undefined) return undefined
    for (const name of this.all())
      if (name.kind === kind && name.slug === slug && name.exposed === exposed) return name
    return undefined
  }

  /** The name to show; undefined when something else of the server has that very name, which takes a contrived one. */
  expose(kind: DefinitionKind, slug: string, original: string): string | undefined {
    const known = this.find(kind, slug, original)
    if (known !== undefined) return known
    const exposed = this.propose(kind, slug, original)
    if (exposed !== undefined) this.learn({ kind, slug, original, exposed })
    return exposed
  }

  /** The name that was given; undefined: none was. */
  find(kind: DefinitionKind, slug: string, original: string): string | undefined {
    return this.#exposed.get(keyOf(kind, slug, original))
  }

  /**
   * The name that it should have, as far as is known here; undefined: there is none that is free.
   *
   * @param isTaken somebody else turned out to have the first choice.
   */
  propose(kind: DefinitionKind, slug: string, original: string, isTaken = false): string | undefined {
    const isUri = kind === 'resource' || kind === 'resource_template'
    const mayStay = isUri && !isTaken && splitPrefixedUri(original) === undefined
    if (mayStay && !this.#owners.has(keyOf(kind, original))) return original
    const exposed = isUri ? prefixUri(slug, original) : exposedName(slug, original, this.#maxLength)
    return this.#owners.has(keyOf(kind, exposed)) ? undefined : exposed
  }
}

/** A slug has no blank, and neither has a kind. */
const keyOf = (...parts: readonly string[]): string => parts.join(' ')
