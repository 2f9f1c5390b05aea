import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import { waitUntil } from '@mreg/testing'
import { describe, expect, it } from 'vitest'

import {
  ApiKeyRepository,
  CapabilityRepository,
  type Change,
  ChangeRepository,
  CHANGES_CHANNEL,
  ExposedNameRepository,
  newEntityId,
  PolicyRepository,
  SecretRepository,
  ToolsetRepository,
} from '../../src/index.ts'
import { newKey } from './full-tenant.ts'
import {
  makeTenant,
  putSecret,
  type RegistryPool,
  rejection,
  remote,
  serverNamed,
  withServers,
} from './registry.ts'

type Session = Parameters<Parameters<RegistryPool['tenantSession']>[1]>[0]

/** One change of each kind that is not about the server itself. */
const changeSomethingElse: readonly ((session: Session, serverId: string) => Promise<unknown>)[] = [
  (session, serverId) =>
    new CapabilityRepository(session).observe(
      { serverId, scopeKey: '', kind: 'tool' },
      [{ name: serverId, hash: serverId, body: Buffer.from('x') }],
      { onNew: 'accepted', onChange: 'changed' },
    ),
  (session, serverId) =>
    new ExposedNameRepository(session).claim('tool', 'slug', new Map([[serverId, serverId]])),
  (session) => new ToolsetRepository(session).create({ slug: randomBytes(8).toString('hex'), items: [] }),
  async (session) => {
    const keys = new ApiKeyRepository(session)
    await keys.update((await keys.create(newKey())).id, { revoked: true })
  },
  async (session) => {
    const policies = new PolicyRepository(session)
    const subject = { kind: 'tenant', id: '' } as const
    const { id } = await policies.create({ name: newEntityId(), subject, rules: {} })
    await policies.delete(id)
  },
  async (session) => {
    const sets = new ToolsetRepository(session)
    await sets.delete((await sets.create({ slug: randomBytes(8).toString('hex'), items: [] })).id)
  },
]

/** What must be true of the change log. */
export const describeChanges = (pool: () => RegistryPool): void => {
  const since = (tenantId: string, revision: number, limit = 1_000): Promise<readonly Change[]> =>
    pool().systemSession('read the change log', (session) =>
      new ChangeRepository(session).since(tenantId, revision, limit),
    )
  const revisionOf = async (tenantId: string): Promise<number | undefined> => {
    const revisions = await pool().systemSession('read the change log', (session) =>
      new ChangeRepository(session).revisions(),
    )
    return revisions.get(tenantId)
  }

  describe('the change log', () => {
    it('has one entry for each change, without gaps, deletions included', async () => {
      const tenantId = await makeTenant(pool())
      const { id } = await withServers(pool(), tenantId, (servers) => servers.create(serverNamed('one')))
      await withServers(pool(), tenantId, async (servers) => {
        await servers.update(id, { title: 'x' })
        await servers.setStatus(id, 'healthy')
        await servers.setStatus(id, 'healthy')
        await servers.delete(id)
        await servers.delete(id)
      })

      expect(await since(tenantId, 0)).toEqual(
        ['server_created', 'server_updated', 'server_status', 'server_deleted'].map((kind, index) => ({
          tenantId,
          revision: index + 1,
          kind,
          objectId: id,
        })),
      )
      expect(await revisionOf(tenantId)).toBe(4)
      expect(await since(tenantId, 2, 1)).toMatchObject([{ revision: 3 }])
      expect(await since(tenantId, 4)).toEqual([])
    })

    it('has nothing of what was rolled back or refused', async () => {
      const tenantId = await makeTenant(pool())
      await withServers(pool(), tenantId, (servers) => servers.create(serverNamed('one')))
      await rejection(
        withServers(pool(), tenantId, async (servers) => {
          await servers.create(serverNamed('two'))
          throw new Error('mine')
        }),
      )
      await rejection(withServers(pool(), tenantId, (servers) => servers.create(serverNamed('one'))))

      expect(await since(tenantId, 0)).toHaveLength(1)
      expect(await revisionOf(tenantId)).toBe(1)
    })

    it('tells that a secret was replaced, as a change of the servers that use it', async () => {
      const tenantId = await makeTenant(pool())
      const [server, secretId] = await withServers(pool(), tenantId, async (servers, session) => {
        const secret = await putSecret(session)
        const endpoints = [remote({ secretId: secret }), remote({ secretId: secret })]
        return [await servers.create(serverNamed('one', { endpoints })), secret] as const
      })

      await pool().tenantSession(tenantId, (session) => putSecret(session, 'new', secretId))
      await pool().tenantSession(tenantId, (session) => putSecret(session, 'unused'))
      const now = await withServers(pool(), tenantId, (servers) => servers.getById(server.id))

      // Whoever holds a connection to the server goes by its revision.
      expect(now?.revision).toBe(server.revision + 1)
      expect(await since(tenantId, 1)).toEqual([
        { tenantId, revision: 2, kind: 'server_updated', objectId: server.id },
      ])
    })

    it('starts at revision 0 in a new tenant', async () => {
      expect(await revisionOf(await makeTenant(pool()))).toBe(0)
    })

    it('tells whoever listens to look, when it is there to be seen', async () => {
      const tenantId = await makeTenant(pool())
      const seen: (readonly Change[])[] = []
      const reads: Promise<unknown>[] = []
      const listening = await pool().listen(CHANGES_CHANNEL, ({ payload }) => {
        if (payload === 'look') {
          reads.push(since(tenantId, 0).then((changes) => seen.push(changes)))
        }
      })

      await withServers(pool(), tenantId, (servers) => servers.create(serverNamed('one')))
      await waitUntil('the notification', () => seen.length > 0)
      await listening[Symbol.asyncDispose]()
      await Promise.all(reads)

      expect(seen[0]).toMatchObject([{ kind: 'server_created' }])
    })

    it('never hides a change from a reader, however many write at once', { timeout: 60_000 }, async () => {
      const tenants = [await makeTenant(pool()), await makeTenant(pool())]
      const writers = 6
      const writesEach = 8
      let writing = true

      const read = async (tenantId: string): Promise<readonly number[]> => {
        const known: number[] = []
        for (;;) {
          const last = !writing
          // oxlint-disable-next-line no-await-in-loop -- a reader asks again and again
          const changes = await since(tenantId, known.at(-1) ?? 0)
          known.push(...changes.map(({ revision }) => revision))
          if (last && changes.length === 0) {
            return known
          }
          // oxlint-disable-next-line no-await-in-loop
          await sleep(Math.random() * 3)
        }
      }
      const write = async (writer: number): Promise<void> => {
        for (let index = 0; index < writesEach; index += 1) {
          const tenantId = tenants[(writer + index) % 2] ?? ''
          // oxlint-disable-next-line no-await-in-loop
          await withServers(pool(), tenantId, async (servers, session) => {
            const { id } = await servers.create(serverNamed(`w${writer}-${index}`))
            // The first change of the transaction has its revision now, and is committed later.
            await sleep(Math.random() * 4)
            await servers.update(id, { title: 'x' })
            await changeSomethingElse[index % changeSomethingElse.length]?.(session, id)
            await (index % 3 === 0 ? servers.delete(id) : undefined)
          })
        }
      }
      const kinds = new Set<string>()
      const readers = tenants.map((tenantId) => read(tenantId))
      await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
      writing = false
      const seen = await Promise.all(readers)

      for (const [index, tenantId] of tenants.entries()) {
        // oxlint-disable-next-line no-await-in-loop
        const revision = (await revisionOf(tenantId)) ?? 0
        expect(revision).toBeGreaterThan(writers * writesEach)
        expect(seen[index]).toEqual(Array.from({ length: revision }, (_, before) => before + 1))
        // oxlint-disable-next-line no-await-in-loop
        for (const { kind } of await since(tenantId, 0)) kinds.add(kind)
      }
      expect([...kinds].toSorted((a, b) => a.localeCompare(b))).toEqual([
        'api_key_created',
        'api_key_updated',
        'capabilities_updated',
        'exposed_names_added',
        'policy_created',
        'policy_deleted',
        'server_created',
        'server_deleted',
        'server_updated',
        'toolset_created',
        'toolset_deleted',
      ])
    })
  })

  describe('a secret', () => {
    it('is stored as it is and replaced as a whole', async () => {
      const tenantId = await makeTenant(pool())
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
      const id = await pool().tenantSession(tenantId, async (session) => {
        const secretId = await putSecret(session)
        await new SecretRepository(session).put({ id: secretId, ciphertext: bytes, keyId: 'key-2' })
        return secretId
      })

      const secret = await pool().tenantSession(tenantId, (session) => new SecretRepository(session).get(id))

      expect(secret?.keyId).toBe('key-2')
      expect(Buffer.from(secret?.ciphertext ?? [])).toEqual(bytes)
    })

    it('of another tenant cannot be read, replaced or removed', async () => {
      const id = await pool().tenantSession(await makeTenant(pool()), (session) => putSecret(session))
      const bob = await makeTenant(pool())

      const seen = await pool().tenantSession(bob, async (session) => {
        const secrets = new SecretRepository(session)
        return [await secrets.get(id), await secrets.delete(id)]
      })
      const error = await rejection(pool().tenantSession(bob, (session) => putSecret(session, 'mine', id)))

      expect(seen).toEqual([undefined, false])
      expect(error).toMatchObject({ code: '42501' })
    })

    it('is removed when nobody needs it', async () => {
      const tenantId = await makeTenant(pool())
      const removed = await withServers(pool(), tenantId, async (servers, session) => {
        const secrets = new SecretRepository(session)
        const used = await putSecret(session)
        const unused = await putSecret(session)
        await servers.create(serverNamed('one', { endpoints: [remote({ secretId: used })] }))
        return [await secrets.delete(used), await secrets.delete(unused), await secrets.delete('no-id')]
      })

      expect(removed).toEqual([false, true, false])
    })
  })
}
