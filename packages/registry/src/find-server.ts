import { NotFoundError, type ServerRecord } from '@mreg/core'
import type { TenantSession } from '@mreg/db-pool'
import { type RegistryDatabase, ServerRepository } from '@mreg/repositories'

/**
 * The server of that id or slug.
 *
 * @throws {NotFoundError} `server_not_found`.
 */
export const findServer = async (
  session: TenantSession<RegistryDatabase>,
  idOrSlug: string,
): Promise<ServerRecord> => {
  const servers = new ServerRepository(session)
  const server = (await servers.getBySlug(idOrSlug)) ?? (await servers.getById(idOrSlug))
  if (server !== undefined) return server
  throw serverNotFound(idOrSlug)
}

/** The error for a server that does not exist, or not for whoever asks: the two are never told apart. */
export const serverNotFound = (idOrSlug: string): NotFoundError =>
  new NotFoundError('server_not_found', `no server is registered as ${JSON.stringify(idOrSlug)}`)
