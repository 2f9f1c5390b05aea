import { NotFoundError } from '@mreg/core'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'

import { type ProtectedResources, WELL_KNOWN } from '../protected-resources.ts'

export interface ProtectedResourceRouteOptions {
  readonly resources: ProtectedResources
}

interface MetadataPath {
  readonly Params: { readonly '*'?: string }
}

/**
 * `/.well-known/oauth-protected-resource{/path}`: who gives tokens for an endpoint (RFC 9728). For everybody, and the same for
 * every endpoint that there could be: it tells nothing of those that there are.
 */
export const protectedResourceRoute: FastifyPluginAsync<ProtectedResourceRouteOptions> = async (
  app,
  { resources },
) => {
  const answer = async (request: FastifyRequest<MetadataPath>, reply: FastifyReply) => {
    const rest = request.params['*']
    const metadata = resources.metadataAt(rest === undefined ? '' : `/${rest}`, request)
    if (metadata === undefined)
      throw new NotFoundError('no_such_path', 'no endpoint that takes tokens can be there')
    return reply
      .type('application/json')
      .header('cache-control', 'max-age=3600')
      .send(JSON.stringify(metadata))
  }
  app.get(WELL_KNOWN, { schema: { hide: true } }, answer)
  app.get<MetadataPath>(`${WELL_KNOWN}/*`, { schema: { hide: true } }, answer)
}
