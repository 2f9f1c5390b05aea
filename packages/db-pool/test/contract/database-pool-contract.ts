import { afterAll, beforeAll, describe } from 'vitest'

import type { PoolOptions } from '../../src/index.ts'
import { describeDirect } from './direct.ts'
import { describeLife } from './life.ts'
import { describeListening } from './listening.ts'
import { describeMigrations } from './migrations.ts'
import { describeNesting } from './nesting.ts'
import { type NotesPool, notesMigrations, TENANT_ROLE, TENANT_SETTING } from './notes-database.ts'
import { describePrepared } from './prepared.ts'
import { describeSessions, IDLE_TIMEOUT_MS } from './sessions.ts'
import { describeTenants } from './tenants.ts'

/**
 * What every {@link DatabasePool} must do.
 *
 * @param open gives a pool over an empty database; more than one may be open at once.
 */
export const describeDatabasePool = (open: (options: PoolOptions) => NotesPool): void => {
  describe('a database pool', () => {
    const backgroundErrors: unknown[] = []
    let pool: NotesPool | undefined
    const opened = (): NotesPool => {
      if (pool === undefined) {
        throw new Error('the pool is not open')
      }
      return pool
    }

    beforeAll(async () => {
      pool = open({
        tenantRole: TENANT_ROLE,
        tenantSetting: TENANT_SETTING,
        idleInTransactionTimeoutMs: IDLE_TIMEOUT_MS,
        acquireTimeoutMs: 15_000,
        onBackgroundError: (error) => backgroundErrors.push(error),
      })
      await pool.initialize()
      await pool.migrate(notesMigrations)
    }, 60_000)

    afterAll(() => pool?.close())

    describeSessions(opened)
    describeNesting(opened)
    describeTenants(opened)
    describeDirect(opened)
    describePrepared(opened)
    describeListening(opened, () => backgroundErrors)
    describeMigrations(opened)
    describeLife(() => open({ closeTimeoutMs: 300 }))
  })
}
