import { describe, expect, it } from 'vitest'

import {
  type AuditEvent,
  AuditEventRepository,
  IdempotencyKeyRepository,
  newEntityId,
  timeOfEntityId,
} from '../../src/index.ts'
import { makeTenant, type RegistryPool, rejection } from './registry.ts'

/** Something that somebody did. */
const event = (more: Partial<AuditEvent> = {}): AuditEvent => ({
  id: newEntityId(),
  principalId: 'ann',
  action: 'tool.call',
  objectId: 'server',
  outcome: 'success',
  requestId: 'request',
  details: { tool: 'echo' },
  ...more,
})
/** An id as it is made at a time. */
const idAt = (milliseconds: number): string =>
  `${milliseconds
    .toString(16)
    .padStart(12, '0')
    .replace(/^(.{8})/u, '$1-')}-7000-8000-${newEntityId().slice(-12)}`
/** What must be true of audit and of the keys of requests. */
export const describeAudit = (pool: () => RegistryPool): void => {
  const withEvents = <T>(tenantId: string, work: (events: AuditEventRepository) => Promise<T>): Promise<T> =>
    pool().tenantSession(tenantId, (session) => work(new AuditEventRepository(session)))

  const withRequests = <T>(
    tenantId: string,
    work: (requests: IdempotencyKeyRepository) => Promise<T>,
  ): Promise<T> => pool().tenantSession(tenantId, (session) => work(new IdempotencyKeyRepository(session)))

  describe('audit events', () => {
    it('are kept once, however often they are added', async () => {
      const tenantId = await makeTenant(pool())
      const one = event()
      const other = event({ objectId: undefined, requestId: undefined })
      const added = [
        await withEvents(tenantId, (events) => events.append([one])),
        await withEvents(tenantId, (events) => events.append([one, other, other])),
        await withEvents(tenantId, (events) => events.append([])),
      ]
      const { items } = await withEvents(tenantId, (events) => events.list({ limit: 10 }))

      expect(added).toEqual([1, 1, 0])
      expect(items.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
        [one, other]
          .toSorted((a, b) => (a.id < b.id ? -1 : 1))
          .map((each) => ({ ...each, occurredAt: timeOfEntityId(each.id) })),
      )
      const malformed = withEvents(tenantId, (events) => events.append([event({ id: 'no-id' })]))
      expect(await rejection(malformed)).toBeInstanceOf(RangeError)
    })

    it('are listed newest first, by whatever is asked for', async () => {
      const tenantId = await makeTenant(pool())
      const start = Date.UTC(2026, 0, 1)
      const made = Array.from({ length: 12 }, (_, index) =>
        event({
          id: idAt(start + index * 1000),
          principalId: index % 2 === 0 ? 'ann' : 'bob',
          action: index % 3 === 0 ? 'server.delete' : 'tool.call',
          objectId: `object-${index % 4}`,
        }),
      )
      await withEvents(tenantId, (events) => events.append(made))
      const which = async (filter: object): Promise<readonly number[]> => {
        const seen: string[] = []
        let cursor: string | undefined
        do {
          const from = cursor
          // oxlint-disable-next-line no-await-in-loop
          const page = await withEvents(tenantId, (events) =>
            events.list({ ...filter, limit: 5, cursor: from }),
          )
          seen.push(...page.items.map(({ id }) => id))
          cursor = page.nextCursor
        } while (cursor !== undefined)
        return seen.map((id) => made.findIndex((each) => each.id === id))
      }

      expect(await which({})).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
      expect(await which({ principalId: 'bob' })).toEqual([11, 9, 7, 5, 3, 1])
      expect(await which({ action: 'server.delete', principalId: 'ann' })).toEqual([6, 0])
      expect(await which({ objectId: 'object-3' })).toEqual([11, 7, 3])
      const [from, until] = [new Date(start + 3000), new Date(start + 6000)]
      expect(await which({ from, until })).toEqual([5, 4, 3])
    })
  })

  describe('a request with an idempotency key', () => {
    const once = { principalId: 'ann', key: 'once' }
    it('is done once, and answered alike ever after', async () => {
      const tenantId = await makeTenant(pool())
      const answer = { status: 201, body: { words: 'with ✓' } }
      const claims = [
        await withRequests(tenantId, async (requests) => {
          const claim = await requests.begin(once, 'POST a')
          await requests.complete(once, answer)
          return claim
        }),
        await withRequests(tenantId, (requests) => requests.begin(once, 'POST a')),
        await withRequests(tenantId, (requests) => requests.begin(once, 'POST b')),
        await withRequests(tenantId, (requests) => requests.begin({ ...once, principalId: 'bob' }, 'POST b')),
      ]

      expect(claims).toEqual([
        { kind: 'new' },
        { kind: 'answered', answer },
        { kind: 'other' },
        { kind: 'new' },
      ])
    })

    it('is new again when the work was rolled back', async () => {
      const tenantId = await makeTenant(pool())
      await rejection(
        withRequests(tenantId, async (requests) => {
          await requests.begin(once, 'POST a')
          throw new Error('mine')
        }),
      )

      expect(await withRequests(tenantId, (requests) => requests.begin(once, 'POST a'))).toEqual({
        kind: 'new',
      })
    })

    it('is done by one of those that come at the same moment', async () => {
      const tenantId = await makeTenant(pool())
      const claims = await Promise.all(
        Array.from({ length: 5 }, (_, index) =>
          withRequests(tenantId, async (requests) => {
            const claim = await requests.begin(once, 'POST a')
            if (claim.kind === 'new') await requests.complete(once, index)
            return claim
          }),
        ),
      )

      const winner = claims.findIndex(({ kind }) => kind === 'new')
      expect(claims.filter((_, index) => index !== winner)).toEqual(
        Array.from({ length: 4 }, () => ({ kind: 'answered', answer: winner })),
      )
    })
  })
}
