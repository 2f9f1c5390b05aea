import type { Authenticator, Door } from '@mreg/access'
import { NotFoundError, type Principal } from '@mreg/core'
import type { FastifyRequest } from 'fastify'

/**
 * Who is asking, through which door, and for which tenant. A path that names a tenant which is not the
 * caller's is answered like one that does not exist.
 */
export const principalOf = (request: FastifyRequest, door: Door, authenticator: Authenticator): Principal => {
  const principal = authenticator.authenticate(door, request.headers.authorization)
  const tenant = tenantInPath(request.params)
  if (tenant !== undefined && tenant !== principal.tenantId) {
    throw new NotFoundError(
      'tenant_not_found',
      `there is no tenant ${JSON.stringify(tenant)} for this caller`,
    )
  }
  return principal
}

const tenantInPath = (params: unknown): string | undefined =>
  typeof params === 'object' && params !== null && 'tenant' in params && typeof params.tenant === 'string'
    ? params.tenant
    : undefined
