import { startFixtureServer } from '@mreg/testing'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import type { ServerInput } from '../../src/index.ts'
import { makePrincipal, openRegistry, type RegistryPool } from '../support/open-registry.ts'

const CANARY = 'canary-8c1f5e'

/** Every row of every table as text; bytes appear in hexadecimal. */
const everythingStored = async (database: RegistryPool): Promise<string> =>
  database.systemSession('look for secrets', async ({ kysely }) => {
    const tables = await sql<{ name: string }>`
      select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')`.execute(kysely)
    const texts: string[] = []
    for (const { name } of tables.rows) {
      const rows = await sql<{ row: string }>`select t::text as row from ${sql.raw(name)} as t`.execute(
        kysely,
      )
      texts.push(name, ...rows.rows.map(({ row }) => row))
    }
    return texts.join('\n')
  })

const secretsOf = async (database: RegistryPool, tenantId: string): Promise<number> =>
  database.systemSession('count secrets', async ({ kysely }) => {
    const rows = await kysely.selectFrom('secrets').select('id').where('tenant_id', '=', tenantId).execute()
    return rows.length
  })

export const describeSecrets = (database: () => RegistryPool): void => {
  describe('the headers of an endpoint', () => {
    it('are sent to the server, and in the clear nowhere else', async () => {
      await using server = await startFixtureServer()
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const headers = { Authorization: `Bearer ${CANARY}`, 'X-Api-Key': CANARY }
      const answers = [
        await open.registry.register(principal, {
          slug: 'secret',
          endpoints: [{ transport: 'streamable-http', url: server.url, headers }],
        }),
        await open.registry.probe(principal, 'secret'),
        await open.registry.get(principal, 'secret'),
        await open.registry.update(principal, 'secret', { title: 'changed' }),
        await open.registry.list(principal, { limit: 10 }),
      ]
      expect(server.requestHeaders[0]).toMatchObject({
        authorization: `Bearer ${CANARY}`,
        'x-api-key': CANARY,
      })
      expect(answers[1]).toMatchObject({
        status: 'healthy',
        endpoints: [{ headerNames: ['authorization', 'x-api-key'] }],
      })
      expect(JSON.stringify(answers)).not.toContain(CANARY)

      const stored = await everythingStored(database())
      expect(stored).toContain('server_endpoints')
      expect(stored).toContain('x-api-key')
      for (const form of [
        CANARY,
        Buffer.from(CANARY).toString('hex'),
        Buffer.from(CANARY).toString('base64').slice(0, -4),
      ]) {
        expect(stored).not.toContain(form)
      }
      expect(JSON.stringify(open.served.find(principal.tenantId, 'secret'))).not.toContain(CANARY)
    })

    it('open for their tenant and their secret only', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      await open.registry.register(principal, {
        slug: 'sealed',
        endpoints: [
          { transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp', headers: { 'X-Key': CANARY } },
        ],
      })
      const secret = open.served.find(principal.tenantId, 'sealed')?.endpoints[0]?.secret
      if (secret === undefined) throw new Error('no secret')
      const owner = { tenantId: principal.tenantId, secretId: secret.id }
      expect(open.vault.open(owner, secret.ciphertext)).toEqual({
        headers: { 'X-Key': CANARY },
        environment: {},
      })
      expect(() => open.vault.open({ ...owner, tenantId: 'other' }, secret.ciphertext)).toThrow(
        'sealed for something else',
      )
    })

    it('go when their endpoint goes, and when they are replaced', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const endpoint = { transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' } as const
      const secrets = (): Promise<number> => secretsOf(database(), principal.tenantId)
      await open.registry.register(principal, {
        slug: 'secret',
        endpoints: [
          { ...endpoint, headers: { 'X-Key': 'one' } },
          { ...endpoint, headers: { 'X-Key': 'two' } },
          endpoint,
        ],
      })
      expect(await secrets()).toBe(2)
      await open.registry.update(principal, 'secret', {
        endpoints: [{ ...endpoint, headers: { 'X-Key': 'new' } }],
      })
      expect(await secrets()).toBe(1)
      const served = open.served.find(principal.tenantId, 'secret')?.endpoints[0]?.secret
      if (served === undefined) throw new Error('no secret')
      const owner = { tenantId: principal.tenantId, secretId: served.id }
      expect(open.vault.open(owner, served.ciphertext).headers).toEqual({ 'X-Key': 'new' })
      await open.registry.update(principal, 'secret', { title: 'the secret stays' })
      expect(await secrets()).toBe(1)
      await open.registry.update(principal, 'secret', { endpoints: [endpoint] })
      expect(await secrets()).toBe(0)
    })

    it('leave nothing behind when the server cannot be registered or is removed', async () => {
      await using open = await openRegistry(database())
      const principal = await makePrincipal(database())
      const input: ServerInput = {
        slug: 'secret',
        endpoints: [
          { transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp', headers: { 'X-Key': 'x' } },
        ],
      }
      await open.registry.register(principal, input)
      await Promise.allSettled([open.registry.register(principal, input)])
      expect(await secretsOf(database(), principal.tenantId)).toBe(1)
      await open.registry.remove(principal, 'secret')
      expect(await secretsOf(database(), principal.tenantId)).toBe(0)
    })
  })
}
