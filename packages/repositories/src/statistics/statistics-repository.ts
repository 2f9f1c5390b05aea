import type { SystemSession } from '@mreg/db-pool'

import type { RegistryDatabase } from '../schema/registry-database.ts'
import { type ServerStatistics, toServerStatistics } from '../servers/server-statistics.ts'

/** How many servers there are, of all tenants. */
export interface OverallStatistics extends ServerStatistics {
  /** Each tenant that has ever had a server. */
  readonly byTenant: ReadonlyMap<string, ServerStatistics>
}

/** Counts over all tenants. (`ServerRepository.statistics` has those of one.) */
export class StatisticsRepository {
  readonly #session: SystemSession<RegistryDatabase>

  constructor(session: SystemSession<RegistryDatabase>) {
    this.#session = session
  }

  /** In one round trip, by counts that are kept up to date: it grows with the tenants, not with the servers. */
  async servers(): Promise<OverallStatistics> {
    const rows = await this.#session.kysely
      .selectFrom('server_counts')
      .select(['tenant_id', 'dimension', 'value', 'count'])
      .orderBy('tenant_id')
      .execute()
    const tenants = Map.groupBy(rows, ({ tenant_id: tenantId }) => tenantId)
    return {
      ...toServerStatistics(rows),
      byTenant: new Map([...tenants].map(([tenantId, own]) => [tenantId, toServerStatistics(own)])),
    }
  }
}
