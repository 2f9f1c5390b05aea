/** How catalogs are kept. */
export interface CatalogSettings {
  /** Servers asked at once; those that are slow make room for others after a second. */
  readonly maxConcurrentLists: number
  /** Servers of all tenants that are asked before anybody wants their lists; those of further tenants are asked when somebody does. */
  readonly maxUnasked: number
  /** The most principals of a tenant of whom lists of their own are held in memory; whoever came longest ago goes first. */
  readonly maxPrincipals: number
  /** Most pages of one list of a server. */
  readonly maxPages: number
  /** Most definitions of one server; more are left out. */
  readonly maxDefinitions: number
  /** Most bytes of the definitions of one server; what goes beyond is left out. */
  readonly maxBytes: number
  /** How long a first list waits for servers that have never been asked, in milliseconds. */
  readonly firstListMs: number
  /** For one server to say all that it offers, in milliseconds. */
  readonly listMs: number
  /** Between two looks at a server that works, at most, in milliseconds: sooner when its lists are good for less, as it says. */
  readonly refreshMs: number
  /** The least between two looks at a server that works, in milliseconds, however short its lists are good. */
  readonly minRefreshMs: number
  /** After clients were told of a change, further ones are told together after so many milliseconds. */
  readonly quietMs: number
  /** How long what a server offered is shown while it is away, in milliseconds, from when it was first found to be away here. */
  readonly maxAwayMs: number
  /** Between two looks at a server that did not answer, at first, in milliseconds; doubles up to `refreshMs`. */
  readonly retryMs: number
}

export const CATALOG_SETTINGS: CatalogSettings = {
  maxConcurrentLists: 16,
  maxUnasked: 2000,
  maxPrincipals: 1000,
  maxPages: 100,
  maxDefinitions: 5000,
  maxBytes: 16_777_216,
  firstListMs: 1200,
  listMs: 120_000,
  refreshMs: 300_000,
  minRefreshMs: 30_000,
  quietMs: 5000,
  maxAwayMs: 604_800_000,
  retryMs: 5000,
}
