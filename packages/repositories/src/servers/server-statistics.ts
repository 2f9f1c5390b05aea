import type { ServerStatus, TransportKind } from '@mreg/core'

import type { ServerCountsTable } from '../schema/registry-database.ts'

/** How many servers there are. */
export interface ServerStatistics {
  readonly total: number
  /** A status that no server has is not in it. */
  readonly byStatus: ReadonlyMap<ServerStatus, number>
  /** A server with endpoints of several transports counts for each of them. */
  readonly byTransport: ReadonlyMap<TransportKind, number>
}

/** Counts as they are stored; of several tenants, they are added up. */
export const toServerStatistics = (
  rows: readonly Pick<ServerCountsTable, 'dimension' | 'value' | 'count'>[],
): ServerStatistics => {
  const counts = { total: new Map<string, number>(), status: new Map(), transport: new Map() }
  for (const { dimension, value, count } of rows) {
    const of = counts[dimension]
    if (count > 0) of.set(value, (of.get(value) ?? 0) + count)
  }
  return {
    total: counts.total.get('') ?? 0,
    byStatus: counts.status,
    byTransport: counts.transport,
  }
}
