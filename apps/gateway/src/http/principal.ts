import type { AccessControl, Authenticator, Door, RequestLimits } from '@mreg/access'
import {
  ForbiddenError,
  NotFoundError,
  type Principal,
  requireRole,
  type Role,
  UnauthenticatedError,
  ValidationError,
} from '@mreg/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The lowest role that may use the route of the API. Default `admin`: what says nothing is closed. */
    readonly role?: Role
    /** Whether the route is for the administrator of the installation alone, and for none of a tenant. Default: it is not. */
    readonly ofInstallation?: boolean
    /** Whether the route shows keys with limits what these leave, and no more. Default: it is closed to them. */
    readonly heedsLimits?: boolean
  }
  interface FastifyInstance {
    /** What all callers are held to, whatever the route. */
    readonly callerRules: CallerRules
  }
}

/** What all callers are held to. */
export interface CallerRules {
  readonly access: AccessControl
  readonly limits: RequestLimits
}

/** Who sends the requests that are under way, once it is known. */
export const callers = new WeakMap<FastifyRequest, Principal>()

/**
 * Who is asking, through which door, and for which tenant. A path that names a tenant which is not the
 * caller's is answered like one that does not exist; the administrator of the installation is at home in all of them.
 */
export const identify = async (
  request: FastifyRequest,
  door: Door,
  authenticator: Authenticator,
): Promise<Principal> => {
  if (typeof request.query === 'object' && request.query !== null && 'access_token' in request.query) {
    // Addresses are written down everywhere (RFC 6750, section 5.3).
    throw new ValidationError(
      [{ path: 'access_token', message: 'send a token as "Authorization: Bearer …", never in the address' }],
      { code: 'token_in_query' },
    )
  }
  const principal = await authenticated(request, door, authenticator)
  const tenantId = tenantInPath(request.params)
  if (tenantId === undefined || tenantId === principal.tenantId) return principal
  if (isOfInstallation(principal)) return { ...principal, tenantId }
  throw new NotFoundError(
    'tenant_not_found',
    `there is no tenant ${JSON.stringify(tenantId)} for this caller`,
  )
}

const authenticated = async (
  request: FastifyRequest,
  door: Door,
  authenticator: Authenticator,
): Promise<Principal> => {
  const { authorization } = request.headers
  try {
    return await authenticator.authenticate(door, authorization, request.resource)
  } catch (error) {
    if (UnauthenticatedError.is(error) && authorization !== undefined)
      request.server.countRefused?.(request, authorization)
    throw error
  }
}

/**
 * Closes the routes of `app`: before the body is read, who has no key gets no work done, and who has too low a role for the
 * route is refused.
 */
export const requireCaller = (app: FastifyInstance, authenticator: Authenticator): void => {
  app.addHook('onRequest', async (request) => {
    const principal = await identify(request, 'api', authenticator)
    // Also of those who are refused from here on it is to be known who they were.
    callers.set(request, principal)
    const { access, limits } = app.callerRules
    limits.admit(principal)
    const { heedsLimits, ofInstallation, role } = request.routeOptions.config
    requireRole(principal, role ?? 'admin')
    if (ofInstallation === true && !isOfInstallation(principal))
      throw new ForbiddenError(
        'installation_only',
        'this is for the administrator of the installation: use its key, which is in admin.key or MREG_ADMIN_KEY',
      )
    const route = routeOf(request)
    const refusal = access.apiRefusal(principal, route)
    if (refusal !== undefined)
      throw new ForbiddenError('api_not_allowed', `${refusal.by} does not allow ${JSON.stringify(route)}`)
    if (heedsLimits !== true && access.isLimited(principal)) {
      throw new ForbiddenError(
        'key_limited',
        'the key, or a policy about it, has limits, and with these one may only look at servers here; use a key without',
      )
    }
  })
}

/** The route that was found, as rules name it: never as the caller has written it. */
export const routeOf = ({ method, routeOptions: { url = '' } }: FastifyRequest): string => {
  const path = url.replace(/^(\/t\/:tenant)?\/api\/v1/u, '').replaceAll(/:(\w+)/gu, '{$1}')
  return `${method === 'HEAD' ? 'GET' : method} ${path}`
}

/** Who sends a request to a route that was closed to others, by {@link requireCaller} or by its own hook. */
export const principalOf = (request: FastifyRequest): Principal => {
  const principal = callers.get(request)
  if (principal === undefined)
    throw new UnauthenticatedError('key_missing', 'the route does not know its callers')
  return principal
}

/** Whether it came with the administrator's key: that of the data directory or of `MREG_ADMIN_KEY`. */
export const isOfInstallation = ({ id, keyId, kind }: Principal): boolean =>
  kind === 'key' && keyId === undefined && id === 'admin'

const tenantInPath = (params: unknown): string | undefined =>
  typeof params === 'object' && params !== null && 'tenant' in params && typeof params.tenant === 'string'
    ? params.tenant
    : undefined
