import type { CatalogEntry } from './server-block.ts'

/** How much is offered, as it counts for a client and its model. */
export interface OfferSize {
  readonly tools: number
  /**
   * About how many tokens a model reads when it is shown all definitions of the tools: a quarter of their bytes, which fits
   * English text and JSON. An estimate: each model counts in its own way.
   */
  readonly estimatedTokens: number
}

const BYTES_PER_TOKEN = 4

/** How much these tools are. */
export const offerSize = (tools: readonly CatalogEntry[]): OfferSize => {
  const bytes = tools.reduce((sum, entry) => sum + entry.bytes.length, 0)
  return { tools: tools.length, estimatedTokens: Math.ceil(bytes / BYTES_PER_TOKEN) }
}
