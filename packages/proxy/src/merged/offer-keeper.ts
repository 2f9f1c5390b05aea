import type { Logger } from '@mreg/core'
import type { CatalogStore, Definition, ExposedNames, OfferOwner } from '@mreg/registry'

import type { ServerRoute } from '../route-table.ts'
import { isSameOffer } from './offer-changes.ts'

export interface OfferKeeperOptions {
  /** undefined: what servers offer is forgotten with the process. */
  readonly store?: CatalogStore | undefined
  readonly tenantId: string
  /** Whose lists they are: empty for everybody's, else what stands for one principal. */
  readonly scopeKey: string
  /** Under which names things are shown; learns those that were given by others. */
  readonly names: ExposedNames
  readonly logger: Logger
}

/** How long what has not changed is not kept again, in milliseconds: by that it is known when it was seen last. */
const KEPT_AGAIN_MS = 3_600_000

/** Keeps what one server offers beyond the life of the process, and reads what others have kept of it. */
export class OfferKeeper {
  readonly #options: OfferKeeperOptions
  /** What it said last, whether it is shown or not. */
  #offered: readonly Definition[] = []
  #isKept = false
  #keptAt = 0

  constructor(options: OfferKeeperOptions) {
    this.#options = options
  }

  /** Whether what is shown is what was kept last. */
  get isKept(): boolean {
    return this.#isKept
  }

  /** What is kept, or what becomes of it, may be something else by now: the next offer is compared with it. */
  doubt(): void {
    this.#isKept = false
  }

  /**
   * What of an offer is to be shown, after it was kept. The database may be away: then what nobody has withheld as far as is known
   * here, under the names known here.
   *
   * @param shown what is shown of the server so far; undefined: nothing is known.
   */
  async keep(
    route: ServerRoute,
    offered: readonly Definition[],
    shown: readonly Definition[] | undefined,
  ): Promise<readonly Definition[]> {
    const { logger, names, store, tenantId } = this.#options
    if (store === undefined) return offered
    const isFresh = this.#isKept && performance.now() - this.#keptAt < KEPT_AGAIN_MS
    if (shown !== undefined && isFresh && isSameOffer(this.#offered, offered)) return shown
    try {
      const kept = await store.save(tenantId, this.#ownerOf(route), offered, names)
      this.#isKept = true
      this.#keptAt = performance.now()
      this.#offered = offered
      return kept
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      logger.warn('what a server offers could not be kept', { server: route.server.slug, reason })
      return unkept(route, offered, shown ?? [], store)
    }
  }

  /**
   * What is kept and to be shown; undefined: the server has never said what it offers, or nothing is kept.
   *
   * @throws what the store throws.
   */
  async read(
    route: ServerRoute,
    shown: readonly Definition[] = [],
  ): Promise<readonly Definition[] | undefined> {
    const { names, store, tenantId } = this.#options
    if (store === undefined) return undefined
    const owner = this.#ownerOf(route)
    const kept = await store.loadServer(tenantId, owner, [...shown, ...this.#offered])
    for (const name of kept.names) names.learn(name)
    return kept.definitions
  }

  #ownerOf({ server }: ServerRoute): OfferOwner {
    return { serverId: server.id, slug: server.slug, scopeKey: this.#options.scopeKey }
  }
}

/**
 * What is shown of an offer that could not be kept: what is withheld as it was shown before, and the same goes for everything of a
 * server of which something may have to be held.
 */
const unkept = (
  { server, withheld }: ServerRoute,
  offered: readonly Definition[],
  shown: readonly Definition[],
  store: CatalogStore,
): readonly Definition[] => {
  if (store.mayHold(server.settings)) return shown
  const isWithheld = ({ kind, name }: Definition): boolean => (withheld?.of(kind, name) ?? []).length > 0
  return [...offered.filter((each) => !isWithheld(each)), ...shown.filter(isWithheld)]
}
