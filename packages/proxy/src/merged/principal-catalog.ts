import type { DefinitionKind, ExposedNameRecord, MergedCatalog } from '@mreg/registry'

import type { TenantCatalog } from './tenant-catalog.ts'

/** What one principal sees: what everybody does, and in place of it, of servers that it uses with a login of its own, its own lists. */
export class PrincipalCatalog {
  readonly #shared: TenantCatalog
  readonly #own: TenantCatalog | undefined
  #seen: readonly [shared: MergedCatalog, own: MergedCatalog, both: MergedCatalog] | undefined

  /** @param own undefined: it has no lists of its own. */
  constructor(shared: TenantCatalog, own: TenantCatalog | undefined) {
    this.#shared = shared
    this.#own = own
  }

  get catalog(): MergedCatalog {
    const shared = this.#shared.catalog
    if (this.#own === undefined) return shared
    const own = this.#own.catalog
    if (this.#seen?.[0] === shared && this.#seen[1] === own) return this.#seen[2]
    const both = shared.withOwn(own, this.#own.serverIds)
    this.#seen = [shared, own, both]
    return both
  }

  /** Whether everybody sees the same. */
  get isEverybodys(): boolean {
    return this.#own === undefined
  }

  /** Waits until every server has been asked once, or for so many milliseconds. */
  async ready(timeoutMs: number): Promise<void> {
    await Promise.all([this.#shared.ready(timeoutMs), this.#own?.ready(timeoutMs)])
  }

  /** Waits until those of these servers that have never been asked were asked, or for so many milliseconds. */
  async asked(isMeant: (slug: string) => boolean, timeoutMs: number): Promise<void> {
    await Promise.all([this.#shared.asked(isMeant, timeoutMs), this.#own?.asked(isMeant, timeoutMs)])
  }

  /** The name under which clients know a URI of a server; undefined when it is in no list. */
  exposedUri(slug: string, uri: string): string | undefined {
    return this.#shared.exposedUri(slug, uri)
  }

  /** Whose something is that clients know under a name, whether it is offered still or not; undefined: nobody's. */
  ownerOfName(kind: DefinitionKind, exposed: string): ExposedNameRecord | undefined {
    return this.#shared.ownerOfName(kind, exposed)
  }
}
