import { randomBytes } from 'node:crypto'

import type { DatabasePool, TenantSession } from '@mreg/db-pool'

import {
  type NewEndpoint,
  type NewServer,
  newEntityId,
  type RegistryDatabase,
  SecretRepository,
  ServerRepository,
  type StatusPolicy,
  TenantRepository,
} from '../../src/index.ts'

export type RegistryPool = DatabasePool<RegistryDatabase>

/** How the tests watch endpoints. */
export const POLICY: StatusPolicy = {
  intervalMs: 30_000,
  unhealthyIntervalMs: 10_000,
  failureThreshold: 3,
  successThreshold: 2,
}

/** A tenant that no other test knows. */
export const makeTenant = async (pool: RegistryPool): Promise<string> => {
  const tenantId = `tenant-${randomBytes(6).toString('hex')}`
  await pool.systemSession('set up a test', (session) => new TenantRepository(session).ensure(tenantId))
  return tenantId
}

/** Runs `work` on the servers of a tenant. */
export const withServers = <T>(
  pool: RegistryPool,
  tenantId: string,
  work: (servers: ServerRepository, session: TenantSession<RegistryDatabase>) => Promise<T>,
): Promise<T> => pool.tenantSession(tenantId, (session) => work(new ServerRepository(session), session))

/** A remote endpoint. */
export const remote = (more: Partial<NewEndpoint> = {}): NewEndpoint => ({
  transport: 'streamable-http',
  url: 'http://127.0.0.1:9/mcp',
  ...more,
})

/** A server with one endpoint. */
export const serverNamed = (slug: string, more: Partial<NewServer> = {}): NewServer => ({
  slug,
  endpoints: [remote()],
  ...more,
})

/** Stores a secret; its id says where. */
export const putSecret = async (
  session: TenantSession<RegistryDatabase>,
  text = 'sealed',
  id: string = newEntityId(),
): Promise<string> => {
  await new SecretRepository(session).put({ id, ciphertext: Buffer.from(text), keyId: 'key-1' })
  return id
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
