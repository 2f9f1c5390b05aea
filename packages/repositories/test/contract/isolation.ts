import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import {
  EndpointProbeRepository,
  HealthCheckLog,
  TENANT_ROLE,
  UpstreamGrantRepository,
} from '../../src/index.ts'
import {
  makeTenant,
  putSecret,
  type RegistryPool,
  rejection,
  remote,
  serverNamed,
  withServers,
} from './registry.ts'

/** A tenant with something in every table. */
const makeFullTenant = async (pool: RegistryPool): Promise<string> => {
  const tenantId = await makeTenant(pool)
  let endpointId = ''
  await withServers(pool, tenantId, async (servers, session) => {
    const secretId = await putSecret(session)
    const { id, endpoints } = await servers.create(serverNamed('one', { endpoints: [remote({ secretId })] }))
    await new UpstreamGrantRepository(session).put({
      serverId: id,
      principalId: 'local',
      issuer: 'https://login.example',
      ciphertext: Buffer.from('sealed'),
      keyId: 'key-1',
      expiresAt: undefined,
    })
    endpointId = endpoints[0]?.id ?? ''
  })
  await pool.systemSession('set up a test', async (session) => {
    const probe = { endpointId, status: 'healthy', era: 'modern', latencyMs: 1, message: undefined } as const
    await new EndpointProbeRepository(session).record([{ ...probe, probedAt: new Date() }])
    await new HealthCheckLog(session).append([{ ...probe, probedAt: new Date() }])
  })
  return tenantId
}

/** What must be true of every table. */
export const describeIsolation = (pool: () => RegistryPool): void => {
  const tables = (): Promise<readonly { name: string; secured: boolean; tenantColumn: string | null }[]> =>
    pool().systemSession('test', async ({ kysely }) => {
      const { rows } = await sql<{ name: string; secured: boolean; tenantColumn: string | null }>`
        select c.relname as name,
          c.relrowsecurity and exists (select from pg_policy p where p.polrelid = c.oid) as secured,
          (select a.attname from pg_attribute a where a.attrelid = c.oid
            and a.attname = case c.relname when 'tenants' then 'id' else 'tenant_id' end) as "tenantColumn"
        from pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
        order by c.relname
      `.execute(kysely)
      return rows
    })

  describe('every table', () => {
    it('of a tenant is under row-level security; the others are out of reach of tenants', async () => {
      const all = await tables()
      const owned = all.filter(({ tenantColumn }) => tenantColumn !== null)

      expect(owned.length).toBeGreaterThanOrEqual(6)
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
      const ann = await makeFullTenant(pool())
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

      expect(touched).toBe(0n)
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
