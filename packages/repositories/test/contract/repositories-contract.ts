import { afterAll, beforeAll, describe } from 'vitest'

import { migrations } from '../../src/index.ts'
import { describeAccess } from './access.ts'
import { describeAudit } from './audit.ts'
import { describeCatalog } from './catalog.ts'
import { describeChanges } from './changes.ts'
import { describeExposedNames } from './exposed-names.ts'
import { describeGrants } from './grants.ts'
import { describeHealthChecks } from './health-checks.ts'
import { describeIsolation } from './isolation.ts'
import { describeProbeLeases } from './probe-leases.ts'
import type { RegistryPool } from './registry.ts'
import { describeRetention } from './retention.ts'
import { describeServerLists } from './server-lists.ts'
import { describeServers } from './servers.ts'
import { describeSnapshots } from './snapshots.ts'
import { describeStatistics } from './statistics.ts'

/**
 * What the repositories must do on every kind of database.
 *
 * @param open gives a pool over an empty database.
 */
export const describeRepositories = (open: () => RegistryPool): void => {
  describe('the repositories', () => {
    let pool: RegistryPool | undefined
    const opened = (): RegistryPool => {
      if (pool === undefined) {
        throw new Error('the pool is not open')
      }
      return pool
    }

    beforeAll(async () => {
      pool = open()
      await pool.initialize()
      await pool.migrate(migrations)
    }, 120_000)

    afterAll(() => pool?.close())

    describeServers(opened)
    describeServerLists(opened)
    describeChanges(opened)
    describeSnapshots(opened)
    describeIsolation(opened)
    describeGrants(opened)
    describeHealthChecks(opened)
    describeProbeLeases(opened)
    describeStatistics(opened)
    describeCatalog(opened)
    describeExposedNames(opened)
    describeAccess(opened)
    describeAudit(opened)
    describeRetention(opened)
  })
}
