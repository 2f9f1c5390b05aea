import { migrations } from '@mreg/repositories'
import { afterAll, beforeAll, describe } from 'vitest'

import type { RegistryPool } from '../support/open-registry.ts'
import { describeAuditing } from './auditing.ts'
import { describeCatalogStore } from './catalog-store.ts'
import { describeChanging } from './changing.ts'
import { describeFaults } from './faults.ts'
import { describeFollowing } from './following.ts'
import { describeListing } from './listing.ts'
import { describeRegisteringMany } from './registering-many.ts'
import { describeRegistering } from './registering.ts'
import { describeRetention } from './retention.ts'
import { describeSecrets } from './secrets.ts'
import { describeSnapshots } from './snapshots.ts'
import { describeToolsets } from './toolsets.ts'

/**
 * What the registry must do on every kind of database.
 *
 * @param open gives a pool over an empty database.
 */
export const describeRegistry = (open: () => RegistryPool): void => {
  describe('the registry', () => {
    let pool: RegistryPool | undefined
    const opened = (): RegistryPool => {
      if (pool === undefined) throw new Error('the pool is not open')
      return pool
    }

    beforeAll(async () => {
      pool = open()
      await pool.initialize()
      await pool.migrate(migrations)
    }, 60_000)

    afterAll(() => pool?.close())

    describeRegistering(opened)
    describeRegisteringMany(opened)
    describeFaults(opened)
    describeChanging(opened)
    describeListing(opened)
    describeSecrets(opened)
    describeFollowing(opened)
    describeCatalogStore(opened)
    describeToolsets(opened)
    describeAuditing(opened)
    describeSnapshots(opened)
    describeRetention(opened)
  })
}
