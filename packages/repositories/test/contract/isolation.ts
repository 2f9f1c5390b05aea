import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import {
  ApiKeyRepository,
  AuditEventRepository,
  CapabilityRepository,
  PolicyRepository,
  TENANT_ROLE,
  ToolsetRepository,
} from '../../src/index.ts'
import { makeFullTenant } from './full-tenant.ts'
import { makeTenant, type RegistryPool, rejection, serverNamed, withServers } from './registry.ts'

/** What must be true of every table. */
export const describeIsolation = (pool: () => RegistryPool): void => {
  const tables = (): Promise<readonly { name: string; secured: boolean; tenantColumn: string | null }[]> =>
    pool().systemSession('test', async ({ kysely }) => {
      const { rows } = await sql<{ name: string; secured: boolean; tenantColumn: string | null }>`
        select c.relname as name,
          c.relrowsecurity and exists (select from pg_policy p where p.polrelid = c.oid) as secured,
          (select a.attname from pg_attribute a where a.attrelid = c.oid
            and a.attname = case c.relname when 'tenants' then 'id' else 'tenant_id' end) as "tenantColumn"
        from pg_class c where c.relkind in ('r', 'p', 'm') and c.relnamespace = 'public'::regnamespace
        order by c.relname
      `.execute(kysely)
      return rows
    })

  describe('every table', () => {
    it('of a tenant is under row-level security; the others are out of reach of tenants', async () => {
      const all = await tables()
      const owned = all.filter(({ tenantColumn }) => tenantColumn !== null)

      expect(owned.length).toBeGreaterThanOrEqual(18)
      expect(owned.filter(({ secured }) => !secured)).toEqual([])
      const tenantId = await makeTenant(pool())
      const refusals = await Promise.all(
        all
          .filter(({ tenantColumn }) => tenantColumn === null)
          .map(({ name }) =>
            rejection(
              pool().tenantSession(tenantId, ({ kysely }) =>
                sql`select 1 from ${sql.table(name)}`.execute(kysely),
              ),
            ),
          ),
      )
      expect(refusals.length).toBeGreaterThan(0)
      expect(refusals).toEqual(refusals.map(() => expect.objectContaining({ code: '42501' })))
    })

    it('shows a tenant its own rows and no others', async () => {
      const { tenantId: ann } = await makeFullTenant(pool())
      await makeFullTenant(pool())
      const owned = (await tables()).flatMap(({ name, tenantColumn }) =>
        tenantColumn === null ? [] : [{ name, tenantColumn }],
      )

      const seen = await Promise.all(
        owned.map(({ name, tenantColumn }) =>
          pool().tenantSession(ann, async ({ kysely }) => {
            const { rows } = await sql<{ tenant: string }>`
              select distinct ${sql.id(tenantColumn)} as tenant from ${sql.table(name)}
            `.execute(kysely)
            return { name, tenants: rows.map(({ tenant }) => tenant) }
          }),
        ),
      )

      expect(seen).toEqual(owned.map(({ name }) => ({ name, tenants: [ann] })))
    })

    it('and every view shows a tenant nothing of another, however it is asked', async () => {
      const { tenantId: ann } = await makeFullTenant(pool())
      await makeFullTenant(pool())
      const views = await pool().systemSession('test', async ({ kysely }) => {
        const { rows } = await sql<{ name: string }>`
          select relname as name from pg_class where relkind = 'v' and relnamespace = 'public'::regnamespace
        `.execute(kysely)
        return rows.map(({ name }) => name)
      })

      const seen = await Promise.all(
        views.map((name) =>
          pool().tenantSession(ann, async ({ kysely }) => {
            const { rows } = await sql<{ tenant: string }>`
              select distinct tenant_id as tenant from ${sql.table(name)}
            `.execute(kysely)
            return rows.map(({ tenant }) => tenant)
          }),
        ),
      )

      expect(seen).toEqual([[ann]])
      // Without a tenant there is nothing to see.
      const open = await pool().systemSession('test', ({ kysely }) =>
        kysely.selectFrom('server_search').select('id').execute(),
      )
      expect(open).toEqual([])
    })

    it('hides what belongs to another tenant from everything that takes an id', async () => {
      const ann = await makeFullTenant(pool())
      const bob = await makeTenant(pool())

      const reached = await withServers(pool(), bob, async (servers, session) => {
        const keys = new ApiKeyRepository(session)
        const policies = new PolicyRepository(session)
        const toolsets = new ToolsetRepository(session)
        const capabilities = new CapabilityRepository(session)
        const list = { serverId: ann.serverId, scopeKey: '', kind: 'tool' } as const
        return [
          await servers.getById(ann.serverId),
          await servers.settleStatuses([ann.serverId], () => 'unhealthy'),
          await keys.getById(ann.keyId),
          await policies.getById(ann.policyId),
          await toolsets.getById(ann.toolsetId),
          ...(await capabilities.decide(list, 'echo', {
            decision: 'disable',
            control: { onNew: 'accepted', onChange: 'changed' },
          })),
          ...[
            await servers.delete(ann.serverId),
            await keys.delete(ann.keyId),
            await policies.delete(ann.policyId),
            await toolsets.delete(ann.toolsetId),
          ].map((deleted) => deleted || undefined),
        ]
      })
      const lists = await withServers(pool(), bob, async (servers, session) => [
        await servers.list({ limit: 10 }),
        await new ApiKeyRepository(session).list({ limit: 10 }),
        await new PolicyRepository(session).list({ limit: 10 }),
        await new ToolsetRepository(session).list({ limit: 10 }),
        await new AuditEventRepository(session).list({ limit: 10 }),
        await new CapabilityRepository(session).listForServer(ann.serverId, { limit: 10 }),
      ])

      expect(reached.filter((each) => each !== undefined)).toEqual([])
      expect(lists.map(({ items }) => items.length)).toEqual([0, 0, 0, 0, 0, 0])
      const definitions = await pool().tenantSession(bob, (session) =>
        new CapabilityRepository(session).definitions(['hash']),
      )
      expect(definitions.size).toBe(0)
    })

    it('lets a tenant neither change the counter of another nor rewrite its own history', async () => {
      const ann = await makeTenant(pool())
      const bob = await makeTenant(pool())
      await withServers(pool(), ann, (servers) => servers.create(serverNamed('one')))

      const touched = await pool().tenantSession(ann, async ({ kysely }) => {
        const result = await kysely
          .updateTable('tenants')
          .set({ revision: 99 })
          .where('id', '=', bob)
          .executeTakeFirst()
        return result.numUpdatedRows
      })
      const rewritten = await rejection(
        pool().tenantSession(ann, ({ kysely }) => kysely.deleteFrom('changes').execute()),
      )
      const renamed = await rejection(
        pool().tenantSession(ann, ({ kysely }) => kysely.updateTable('tenants').set({ id: 'x' }).execute()),
      )

      const unaudited = await rejection(
        pool().tenantSession(ann, ({ kysely }) => kysely.deleteFrom('audit_events').execute()),
      )
      const miscounted = await rejection(
        pool().tenantSession(ann, ({ kysely }) =>
          kysely.updateTable('server_counts').set({ count: 7 }).execute(),
        ),
      )

      expect(touched).toBe(0n)
      expect(unaudited).toMatchObject({ code: '42501' })
      expect(miscounted).toMatchObject({ code: '42501' })
      expect(rewritten).toMatchObject({ code: '42501' })
      expect(renamed).toMatchObject({ code: '42501' })
    })

    it('is used by tenants as a role that cannot log in', async () => {
      const role = await pool().systemSession('test', async ({ kysely }) => {
        const { rows } = await sql<object>`
          select rolcanlogin, rolsuper, rolbypassrls from pg_roles where rolname = ${TENANT_ROLE}
        `.execute(kysely)
        return rows[0]
      })

      expect(role).toEqual({ rolcanlogin: false, rolsuper: false, rolbypassrls: false })
    })
  })
}
