import { ConflictError, parseInput, type Principal, requireRole, type ServerRecord } from '@mreg/core'
import type { TenantSession } from '@mreg/db-pool'
import { type RegistryDatabase, ServerRepository } from '@mreg/repositories'

import { type CredentialSealer, isCommand, sealEndpoints } from './seal-endpoints.ts'
import { type ParsedServerInput, type ServerInput, serverInputSchema } from './server-input.ts'

/**
 * What is to be registered, when the principal may.
 *
 * @throws {ValidationError} the input is wrong.
 * @throws {ForbiddenError} the principal may not register servers; a command, and what becomes of changes, need an administrator.
 */
export const admitServer = (principal: Principal, input: ServerInput): ParsedServerInput => {
  requireRole(principal, 'operator')
  const parsed = parseInput(serverInputSchema, input)
  if (parsed.endpoints.some(isCommand) || parsed.settings.changes !== undefined)
    requireRole(principal, 'admin')
  return parsed
}

/**
 * Stores what was admitted.
 *
 * @throws {ConflictError} `server_slug_taken` or `too_many_servers`.
 */
export const createServer = async (
  session: TenantSession<RegistryDatabase>,
  { endpoints, ...fields }: ParsedServerInput,
  { maxServersPerTenant = Infinity, sealer }: CreateServerOptions,
): Promise<ServerRecord> => {
  const servers = new ServerRepository(session)
  const created = await servers.create({
    ...fields,
    managedBy: 'api',
    endpoints: await sealEndpoints(session, sealer, endpoints),
  })
  // Counted after the new one is there: the tenant is locked by then, so that nobody counts at the same time.
  if (maxServersPerTenant === Infinity || (await servers.statistics()).total <= maxServersPerTenant)
    return created
  throw new ConflictError(
    'too_many_servers',
    `the tenant has ${maxServersPerTenant} servers, as many as limits.maxServersPerTenant allows: remove some`,
  )
}

/** What storing a server needs. */
export interface CreateServerOptions {
  readonly sealer: CredentialSealer
  /** The most servers that a tenant may register; undefined: any number. */
  readonly maxServersPerTenant?: number | undefined
}
