import type { EndpointRecord } from '@mreg/core'
import type { NewEndpoint } from '@mreg/repositories'

/**
 * Endpoints to store, those at an address that the server has already under the identifiers that they have: what is
 * known of them stays, and so do the sessions that were opened there.
 */
export const recogniseEndpoints = (
  endpoints: readonly NewEndpoint[],
  known: readonly EndpointRecord[],
): NewEndpoint[] => {
  const unclaimed = new Set(known)
  return endpoints.map((endpoint) => {
    for (const candidate of unclaimed) {
      if (isAtSameAddress(candidate, endpoint)) {
        unclaimed.delete(candidate)
        return { ...endpoint, id: candidate.id }
      }
    }
    return endpoint
  })
}

/** The same URL, or the same command. */
const isAtSameAddress = (known: EndpointRecord, endpoint: NewEndpoint): boolean =>
  known.transport === endpoint.transport &&
  known.url === endpoint.url &&
  known.command === endpoint.command &&
  known.cwd === endpoint.cwd &&
  JSON.stringify(known.args ?? []) === JSON.stringify(endpoint.args ?? [])
