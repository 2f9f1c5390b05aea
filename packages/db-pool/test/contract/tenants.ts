import { sql } from 'kysely'
import { beforeEach, describe, expect, it } from 'vitest'

import { noteIds, type NotesPool, putNote, rejection, TENANT_ROLE } from './notes-database.ts'

/** What every pool must do with the sessions of tenants. */
export const describeTenants = (pool: () => NotesPool): void => {
  const visibleTo = (tenant: string): Promise<readonly string[]> =>
    pool().tenantSession(tenant, async ({ kysely }) => {
      const rows = await kysely.selectFrom('notes').select('id').orderBy('id').execute()
      return rows.map(({ id }) => id)
    })

  describe('tenant sessions', () => {
    beforeEach(async () => {
      await pool().systemSession('start a test afresh', ({ kysely }) => kysely.deleteFrom('notes').execute())
      await putNote(pool(), 'of-ann', 'ann')
      await putNote(pool(), 'of-bob', 'bob')
    })

    it('see the rows of their tenant and no other, while the pool itself sees all', async () => {
      expect(await visibleTo('ann')).toEqual(['of-ann'])
      expect(await visibleTo('bob')).toEqual(['of-bob'])
      expect(await visibleTo('carol')).toEqual([])
      expect(await noteIds(pool())).toEqual(['of-ann', 'of-bob'])
    })

    it('cannot change, remove or add the rows of others', async () => {
      await pool().tenantSession('ann', async ({ kysely }) => {
        await kysely.updateTable('notes').set({ body: 'taken' }).execute()
        await kysely.deleteFrom('notes').where('id', '=', 'of-bob').execute()
      })
      const error = await rejection(
        pool().tenantSession('ann', ({ kysely }) =>
          kysely.insertInto('notes').values({ id: 'c', tenant: 'bob', body: null, count: 0 }).execute(),
        ),
      )

      expect(error).toMatchObject({ code: '42501' })
      const rows = await pool().systemSession('test', ({ kysely }) =>
        kysely.selectFrom('notes').select(['id', 'body']).orderBy('id').execute(),
      )
      expect(rows).toEqual([
        { id: 'of-ann', body: 'taken' },
        { id: 'of-bob', body: null },
      ])
    })

    it('run as the role of the tenants, which no session after them is left with', async () => {
      const tenant = await pool().tenantSession('ann', async ({ kysely }) => {
        const { rows } = await sql<{ role: string }>`select current_user as role`.execute(kysely)
        return rows[0]?.role
      })
      const after = await Promise.all(
        Array.from({ length: 20 }, () =>
          pool().systemSession('test', async ({ kysely }) => {
            const { rows } = await sql<{
              role: string
              tenant: string | null
            }>`select current_user as role, current_setting('db_pool_test.tenant', true) as tenant`.execute(
              kysely,
            )
            return rows[0]
          }),
        ),
      )

      expect(tenant).toBe(TENANT_ROLE)
      for (const row of after) {
        expect(row?.role).not.toBe(TENANT_ROLE)
        expect(row?.tenant ?? '').toBe('')
      }
    })

    it('leave nothing behind when they fail', async () => {
      await rejection(pool().tenantSession('ann', ({ kysely }) => sql`select 1 / 0`.execute(kysely)))

      expect(await noteIds(pool())).toEqual(['of-ann', 'of-bob'])
    })

    it('take the tenant as a value, whatever is in it', async () => {
      const hostile = `ann'; reset role; select '`
      await putNote(pool(), 'of-hostile', hostile)

      expect(await visibleTo(hostile)).toEqual(['of-hostile'])
    })

    it('keep tenants apart that work at the same time', async () => {
      const tenants = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 'ann' : 'bob'))

      const seen = await Promise.all(tenants.map((tenant) => visibleTo(tenant)))

      expect(seen).toEqual(tenants.map((tenant) => [`of-${tenant}`]))
    })

    it('need a tenant', async () => {
      await expect(pool().tenantSession('', () => Promise.resolve())).rejects.toThrow(RangeError)
    })
  })
}
