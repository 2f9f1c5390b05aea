import type { Upstreams } from '@mreg/upstream'

import type { ServerRoute } from '../route-table.ts'

/** How many processes of a server run here; undefined: it is reached by a URL. */
export const processCount = (
  { targets }: ServerRoute,
  upstreams: Pick<Upstreams, 'stdioState'>,
): number | undefined => {
  const processes = targets.filter(({ endpoint }) => endpoint.transport === 'stdio')
  if (processes.length === 0) return undefined
  return processes.reduce((sum, { endpoint }) => sum + (upstreams.stdioState(endpoint.id)?.processes ?? 0), 0)
}
