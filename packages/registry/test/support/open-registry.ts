import { randomBytes } from 'node:crypto'

import { CredentialVault, KeyRing } from '@mreg/access'
import type { Principal } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import { HealthRecorder } from '@mreg/health'
import { HttpPool } from '@mreg/http-pool'
import { type RegistryDatabase, TenantRepository } from '@mreg/repositories'
import { type CredentialSource, type EndpointTarget, probeEndpoint, Upstreams } from '@mreg/upstream'

import {
  ChangeFeed,
  type ChangeFeedOptions,
  type LiveStates,
  type RegisteredServer,
  Registry,
  type ServerChecker,
} from '../../src/index.ts'

export type RegistryPool = DatabasePool<RegistryDatabase>

export interface OpenRegistry extends AsyncDisposable {
  readonly registry: Registry
  readonly changes: ChangeFeed
  readonly vault: CredentialVault
  readonly served: Served
}

/** What a gateway that follows the changes would serve, by tenant and slug. */
export class Served {
  readonly #servers = new Map<string, RegisteredServer>()

  constructor(changes: ChangeFeed) {
    changes.onDelta(({ changed, removed, complete }) => {
      if (complete) this.#servers.clear()
      for (const { serverId } of removed) {
        for (const [key, { id }] of this.#servers) if (id === serverId) this.#servers.delete(key)
      }
      for (const server of changed) this.#servers.set(`${server.tenantId}/${server.slug}`, server)
    })
  }

  find(tenantId: string, slug: string): RegisteredServer | undefined {
    return this.#servers.get(`${tenantId}/${slug}`)
  }

  /** Slugs and revisions of everything in a tenant, in order. */
  of(tenantId: string): string[] {
    const all = [...this.#servers.values()].filter((server) => server.tenantId === tenantId)
    return all.map(({ slug, revision }) => `${slug} ${revision}`).toSorted((a, b) => a.localeCompare(b))
  }
}

/** A registry with everything around it as in a gateway; real servers are probed for real. */
export const openRegistry = async (
  database: RegistryPool,
  options: Partial<ChangeFeedOptions> & { readonly checker?: ServerChecker; readonly live?: LiveStates } = {},
): Promise<OpenRegistry> => {
  const { checker, live, ...feed } = options
  const changes = new ChangeFeed({ database, listen: true, pollMs: 60_000, ...feed })
  const served = new Served(changes)
  const vault = new CredentialVault(new KeyRing(['test key']))
  const pool = new HttpPool({ closeTimeoutMs: 100 })
  const upstreams = new Upstreams({
    pool,
    credentials: credentialsFrom(vault),
    breaker: { failureThreshold: 5, openMs: 1000, maxOpenMs: 1000 },
    connectTimeoutMs: 500,
    maxMessageBytes: 1_048_576,
  })
  const recorder = new HealthRecorder(database, {
    intervalMs: 30_000,
    unhealthyIntervalMs: 10_000,
    failureThreshold: 3,
    successThreshold: 2,
  })
  const checkForReal: ServerChecker = async ({ id: serverId, tenantId, slug }, signal) => {
    const clientInfo = { name: 'test', version: '1' }
    const targets = targetsOf(served.find(tenantId, slug))
    const probes = await Promise.all(
      targets.map((target) =>
        probeEndpoint(upstreams.endpoint(target), { timeoutMs: 2000, clientInfo, signal }),
      ),
    )
    if (!signal.aborted) await recorder.record({ tenantId, serverId }, probes)
  }
  const registry = new Registry({ database, changes, sealer: vault, checker: checker ?? checkForReal, live })
  await changes.start()
  return {
    registry,
    changes,
    vault,
    served,
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]()
      await changes[Symbol.asyncDispose]()
      await upstreams[Symbol.asyncDispose]()
      await pool.close()
    },
  }
}

const targetsOf = (server: RegisteredServer | undefined): EndpointTarget[] =>
  (server?.endpoints ?? []).map((endpoint) => ({
    endpoint,
    tenantId: server?.tenantId ?? '',
    serverId: server?.id ?? '',
    slug: server?.slug ?? '',
    revision: server?.revision ?? 0,
    sealedCredentials: endpoint.secret?.ciphertext,
  }))

const credentialsFrom = (vault: CredentialVault): CredentialSource => ({
  headersFor: ({ endpoint: { secretId }, tenantId, sealedCredentials }) =>
    secretId === undefined || sealedCredentials === undefined
      ? []
      : Object.entries(vault.open({ tenantId, secretId }, sealedCredentials).headers),
})

/** An administrator of a tenant that no other test knows. */
export const makePrincipal = async (
  database: RegistryPool,
  role: Principal['role'] = 'admin',
): Promise<Principal> => {
  const tenantId = `tenant-${randomBytes(6).toString('hex')}`
  await database.systemSession('set up a test', (session) => new TenantRepository(session).ensure(tenantId))
  return { id: 'test', tenantId, role, kind: 'key' }
}

/** What `promise` was rejected with. */
export const rejection = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it was fulfilled')
}
