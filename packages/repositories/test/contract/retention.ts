import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { PRUNE_STEP_LENGTH, RetentionRepository } from '../../src/index.ts'
import { makeTenant, type RegistryPool, serverNamed, withServers } from './registry.ts'

/** What must be true of what is kept for a time only. */
export const describeRetention = (pool: () => RegistryPool): void => {
  type Kind = 'auditEvents' | 'idempotencyKeys' | 'changes'

  /** All steps, and how many rows of anybody's they removed. */
  const prune = async (kind: Kind, olderThan: Date): Promise<number> => {
    let removed = 0
    let step: number
    do {
      // oxlint-disable-next-line no-await-in-loop -- each step is a session of its own
      step = await pool().systemSession('test', (session) =>
        new RetentionRepository(session)[kind](olderThan),
      )
      removed += step
    } while (step === PRUNE_STEP_LENGTH)
    return removed
  }

  const countOf = (
    table: 'audit_events' | 'idempotency_keys' | 'changes',
    tenantId: string,
  ): Promise<number> =>
    pool().systemSession('test', async ({ kysely }) => {
      const rows = await kysely
        .selectFrom(table)
        .select('tenant_id')
        .where('tenant_id', '=', tenantId)
        .execute()
      return rows.length
    })

  describe('retention', () => {
    it('removes audit events by their age, in steps', async () => {
      const tenantId = await makeTenant(pool())
      await pool().systemSession('test', ({ kysely }) =>
        sql`
          insert into audit_events (id, tenant_id, occurred_at, principal_id, action, outcome)
          select (lpad(to_hex(milliseconds), 12, '0') || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid,
            ${tenantId}, to_timestamp(milliseconds / 1000.0), 'ann', 'x', 'success'
          from generate_series(1, 2500) n, lateral (select 1000 * n as milliseconds) at
        `.execute(kysely),
      )

      expect(await prune('auditEvents', new Date(2_001_000))).toBe(2_000)
      expect(await countOf('audit_events', tenantId)).toBe(500)
    })

    it('removes keys of requests by their age', async () => {
      const tenantId = await makeTenant(pool())
      await pool().systemSession('test', ({ kysely }) =>
        sql`
          insert into idempotency_keys (tenant_id, principal_id, key, fingerprint, created_at)
          select ${tenantId}, 'ann', 'key-' || n, 'x', timestamptz '2020-01-01' + n * interval '1 second'
          from generate_series(1, 1500) n
        `.execute(kysely),
      )

      await prune('idempotencyKeys', new Date('2020-01-01T00:20:01Z'))
      expect(await countOf('idempotency_keys', tenantId)).toBe(300)
    })

    it('removes old entries of the change log, oldest first, and leaves the counter', async () => {
      const tenantId = await makeTenant(pool())
      await withServers(pool(), tenantId, (servers) => servers.create(serverNamed('one')))
      await pool().systemSession('test', async ({ kysely }) => {
        await sql`
          insert into changes (tenant_id, revision, kind, object_id, created_at)
          select ${tenantId}, n + 1, 'server_updated', 'x', timestamptz '2020-01-01' + n * interval '1 second'
          from generate_series(1, 1500) n
        `.execute(kysely)
        await sql`
          update changes set created_at = timestamptz '2020-01-01' where tenant_id = ${tenantId} and revision = 1
        `.execute(kysely)
        await sql`update tenants set revision = 1501 where id = ${tenantId}`.execute(kysely)
      })

      await prune('changes', new Date('2020-01-01T00:20:01Z'))

      const left = await pool().systemSession('test', ({ kysely }) =>
        kysely
          .selectFrom('changes')
          .select('revision')
          .where('tenant_id', '=', tenantId)
          .orderBy('revision')
          .execute(),
      )
      expect([left.length, left[0]?.revision]).toEqual([300, 1_202])
    })
  })
}
