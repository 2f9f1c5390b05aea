import type { Migration } from '@mreg/db-pool'

import { registry } from './migration-0001-registry.ts'
import { upstreamGrants } from './migration-0002-upstream-grants.ts'
import { healthChecks } from './migration-0003-health-checks.ts'
import { statistics } from './migration-0004-statistics.ts'
import { search } from './migration-0005-search.ts'
import { access } from './migration-0006-access.ts'
import { catalog } from './migration-0007-catalog.ts'
import { probeLeases } from './migration-0008-probe-leases.ts'
import { changeControl } from './migration-0009-change-control.ts'

/**
 * The schema, step by step, for `DatabasePool.migrate`. Names only ever sort after those before them; a step
 * that was released is never edited.
 */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-registry': registry,
  '0002-upstream-grants': upstreamGrants,
  '0003-health-checks': healthChecks,
  '0004-statistics': statistics,
  '0005-search': search,
  '0006-access': access,
  '0007-catalog': catalog,
  '0008-probe-leases': probeLeases,
  '0009-change-control': changeControl,
}
