import { AuditEventRepository, type AuditRecord, ServerRepository } from '@mreg/repositories'
import { describe, expect, it } from 'vitest'

import {
  CapabilityReview,
  ChangeFeed,
  DatabaseCatalogStore,
  ExposedNames,
  Toolsets,
} from '../../src/index.ts'
import { tools } from '../catalog/definitions.ts'
import { POLICY } from '../support/change-policy.ts'
import { makePrincipal, type RegistryPool, rejection } from '../support/open-registry.ts'

/** Who changed what, as the audit log has it. */
export const describeAuditing = (database: () => RegistryPool): void => {
  const feed = (): ChangeFeed => new ChangeFeed({ database: database(), listen: false, pollMs: 3_600_000 })
  /** All that was noted in a tenant, the oldest first. */
  const notedIn = async (tenantId: string): Promise<readonly AuditRecord[]> => {
    const { items } = await database().tenantSession(tenantId, (session) =>
      new AuditEventRepository(session).list({ limit: 100 }),
    )
    return items.toReversed()
  }

  describe('the audit log', () => {
    it('has each change of a toolset once, with who made it and in which request, and nothing that was refused', async () => {
      await using changes = feed()
      const toolsets = new Toolsets({ database: database(), changes })
      const principal = await makePrincipal(database())
      const { id } = await toolsets.create(principal, { slug: 'few', items: [{}] }, 'request-1')
      await toolsets.update(principal, 'few', { items: [{}, { effect: 'exclude', tag: 'x' }] }, 'request-2')
      for (const refused of [
        () => toolsets.create(principal, { slug: 'few', items: [{}] }),
        () => toolsets.update(principal, 'few', { title: 'late', revision: 1 }),
        () => toolsets.remove({ ...principal, role: 'user' }, 'few'),
        () => toolsets.remove(principal, 'none'),
        () => toolsets.remove(principal, 'few', { revision: 1 }),
      ])
        await rejection(refused())
      await toolsets.remove(principal, 'few', {}, 'request-3')
      const event = { principalId: 'test', objectId: id, outcome: 'success' }
      expect(await notedIn(principal.tenantId)).toMatchObject([
        {
          ...event,
          action: 'toolset.create',
          requestId: 'request-1',
          details: { toolset: 'few', revision: 1, rules: 1 },
        },
        { ...event, action: 'toolset.update', requestId: 'request-2', details: { revision: 2, rules: 2 } },
        { ...event, action: 'toolset.delete', requestId: 'request-3', details: { toolset: 'few' } },
      ])
    })

    it('has each decision about what a server offers, and none that was refused', async () => {
      await using changes = feed()
      const review = new CapabilityReview({ database: database(), changeFeed: changes, changes: POLICY })
      const principal = await makePrincipal(database())
      const { tenantId } = principal
      const { id: serverId } = await database().tenantSession(tenantId, (session) =>
        new ServerRepository(session).create({
          slug: 'one',
          managedBy: 'api',
          endpoints: [{ transport: 'streamable-http', url: 'http://127.0.0.1:1/mcp' }],
        }),
      )
      const store = new DatabaseCatalogStore(database(), { changes: POLICY })
      await store.save(tenantId, { serverId, slug: 'one' }, tools('a', 'b'), new ExposedNames())
      const decide = (
        decision: 'approve' | 'disable' | 'enable',
        ...names: readonly string[]
      ): Promise<unknown> =>
        review.decide(
          principal,
          'one',
          { decision, capabilities: names.map((name) => ({ name })) },
          'request',
        )
      await decide('disable', 'a', 'b')
      // All or nothing.
      await rejection(decide('enable', 'a', 'never seen'))
      await decide('enable', 'a')
      const event = { principalId: 'test', objectId: serverId, requestId: 'request' }
      const noted = (await notedIn(tenantId)).filter(({ action }) => action.startsWith('capability.'))
      for (const record of noted) expect(record).toMatchObject(event)
      // What was decided at once has no order.
      const decided = noted.map(({ action, details: { kind, name, server, state } }) =>
        [action, server, kind, name, state].join(' '),
      )
      expect(new Set(decided)).toEqual(
        new Set([
          'capability.disable one tool a disabled',
          'capability.disable one tool b disabled',
          'capability.enable one tool a accepted',
        ]),
      )
      expect(noted.at(-1)).toMatchObject({ action: 'capability.enable' })
    })
  })
}
