import { describe, expect, it } from 'vitest'

import {
  ChangeRepository,
  newEntityId,
  type NewGrant,
  SnapshotRepository,
  type StoredGrant,
  UpstreamGrantRepository,
} from '../../src/index.ts'
import { makeTenant, type RegistryPool, serverNamed, withServers } from './registry.ts'

const grantFor = (serverId: string, more: Partial<NewGrant> = {}): NewGrant => ({
  serverId,
  principalId: 'local',
  issuer: 'https://login.example',
  ciphertext: Buffer.from('sealed'),
  keyId: 'key-1',
  expiresAt: new Date('2026-11-23T10:11:12.345Z'),
  ...more,
})

/** What must be true of the tokens that are kept for servers. */
export const describeGrants = (pool: () => RegistryPool): void => {
  const inTenant = <T>(tenantId: string, work: (grants: UpstreamGrantRepository) => Promise<T>): Promise<T> =>
    pool().tenantSession(tenantId, (session) => work(new UpstreamGrantRepository(session)))

  const makeServer = async (tenantId: string): Promise<string> =>
    (await withServers(pool(), tenantId, (servers) => servers.create(serverNamed('one')))).id

  const changeKinds = (tenantId: string): Promise<string[]> =>
    pool().systemSession('test', async (session) =>
      (await new ChangeRepository(session).since(tenantId, 0, 100)).map(({ kind }) => kind),
    )

  /** Fails when there is none. */
  const stored = async (tenantId: string, serverId: string): Promise<StoredGrant> => {
    const grant = await inTenant(tenantId, (grants) => grants.get({ serverId, principalId: 'local' }))
    if (grant === undefined) throw new Error('there is no grant')
    return grant
  }

  describe('grants', () => {
    it('are stored, replaced and forgotten, each of it a change of the server', async () => {
      const tenantId = await makeTenant(pool())
      const serverId = await makeServer(tenantId)

      expect(await inTenant(tenantId, (grants) => grants.put(grantFor(serverId)))).toBe(true)
      const first = await stored(tenantId, serverId)
      expect(first).toMatchObject({
        issuer: 'https://login.example',
        keyId: 'key-1',
        generation: 1,
        expiresAt: new Date('2026-11-23T10:11:12.345Z'),
      })
      expect(Buffer.from(first.ciphertext).toString()).toBe('sealed')

      await inTenant(tenantId, (grants) => grants.put(grantFor(serverId, { expiresAt: undefined })))
      expect(await stored(tenantId, serverId)).toMatchObject({ generation: 2, expiresAt: undefined })

      const key = { serverId, principalId: 'local' }
      expect(await inTenant(tenantId, (grants) => grants.delete(key, 1))).toBe(false)
      expect(await inTenant(tenantId, (grants) => grants.delete(key))).toBe(true)
      expect(await inTenant(tenantId, (grants) => grants.delete(key))).toBe(false)
      expect(await changeKinds(tenantId)).toEqual([
        'server_created',
        'server_grant',
        'server_grant',
        'server_grant',
      ])
    })

    it('are in the snapshot of their server', async () => {
      const tenantId = await makeTenant(pool())
      const serverId = await makeServer(tenantId)
      await inTenant(tenantId, (grants) => grants.put(grantFor(serverId)))

      const [server] = await pool().systemSession('test', (session) =>
        new SnapshotRepository(session).serversByIds([serverId]),
      )

      expect(server?.grants).toEqual([await stored(tenantId, serverId)])
    })

    it('go with their server', async () => {
      const tenantId = await makeTenant(pool())
      const serverId = await makeServer(tenantId)
      await inTenant(tenantId, (grants) => grants.put(grantFor(serverId)))

      await withServers(pool(), tenantId, (servers) => servers.delete(serverId))

      const left = await pool().systemSession('test', ({ kysely }) =>
        kysely.selectFrom('upstream_grants').selectAll().where('server_id', '=', serverId).execute(),
      )
      expect(left).toEqual([])
    })

    it('may be refreshed by one process at a time, and by another when that one never comes back', async () => {
      const tenantId = await makeTenant(pool())
      const serverId = await makeServer(tenantId)
      await inTenant(tenantId, (grants) => grants.put(grantFor(serverId)))
      const grant = await stored(tenantId, serverId)
      const claim = (leaseMs: number): Promise<boolean> =>
        inTenant(tenantId, (grants) => grants.claim(grant, leaseMs))

      expect(await claim(60_000)).toBe(true)
      expect(await claim(60_000)).toBe(false)
      await inTenant(tenantId, (grants) => grants.unclaim(grant))
      expect(await claim(-1000)).toBe(true)
      expect(await claim(60_000)).toBe(true)

      expect(await inTenant(tenantId, (grants) => grants.replace(grant))).toBe(true)
      expect(await claim(60_000)).toBe(false)
      expect(await inTenant(tenantId, (grants) => grants.replace(grant))).toBe(false)
      expect(await stored(tenantId, serverId)).toMatchObject({ generation: 2 })
    })

    it('of other tenants are out of reach', async () => {
      const ann = await makeTenant(pool())
      const bob = await makeTenant(pool())
      const serverId = await makeServer(ann)
      await inTenant(ann, (grants) => grants.put(grantFor(serverId)))
      const grant = await stored(ann, serverId)

      const reached = await inTenant(bob, async (grants) => [
        await grants.get(grant),
        await grants.put(grantFor(serverId)),
        await grants.claim(grant, 1000),
        await grants.replace(grant),
        await grants.delete(grant),
        await grants.put(grantFor(newEntityId())),
        await grants.put(grantFor('no-id')),
      ])
      const seen = await pool().tenantSession(bob, ({ kysely }) =>
        kysely.selectFrom('upstream_grants').selectAll().execute(),
      )

      expect(reached).toEqual([undefined, false, false, false, false, false, false])
      expect(seen).toEqual([])
      expect(await stored(ann, serverId)).toEqual(grant)
    })
  })
}
