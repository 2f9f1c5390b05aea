import { randomUUID } from 'node:crypto'
import type { ServerOptions } from 'node:http'

import fastifySwagger from '@fastify/swagger'
import type {
  AccessControl,
  ApiKeys,
  AuditLog,
  AuditTrail,
  Authenticator,
  Callers,
  Policies,
  RequestLimits,
  Tenants,
  UpstreamLogins,
} from '@mreg/access'
import { type Logger, NotFoundError, type Settings, UnavailableError } from '@mreg/core'
import type { ActiveRequests, MergedProxy, RouteTable, ServerProxy, Traffic } from '@mreg/proxy'
import type { CapabilityReview, Registry, Toolsets } from '@mreg/registry'
import type { Upstreams } from '@mreg/upstream'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'

import type { MetricsPage } from '../metrics/metrics-page.ts'
import type { Lifecycle } from '../process/lifecycle.ts'
import { auditRequests, noteProblem } from './audit-requests.ts'
import { countRefused } from './count-refused.ts'
import { tagEntities } from './entity-tag.ts'
import { Guard } from './guard.ts'
import { problemOf, rateLimitHeadersOf, retryAfterOf, sendProblem } from './problem.ts'
import { ProtectedResources } from './protected-resources.ts'
import { locateBelow } from './public-location.ts'
import { refusePacked } from './refuse-packed.ts'
import { auditRoutes } from './routes/audit.ts'
import { capabilityRoutes } from './routes/capabilities.ts'
import { discoveryRoutes } from './routes/discovery.ts'
import { explainRoutes } from './routes/explain.ts'
import { keyRoutes } from './routes/keys.ts'
import { loginReturnRoute } from './routes/login-return.ts'
import { clientMetadataRoute, loginRoutes } from './routes/logins.ts'
import { mcpRoutes } from './routes/mcp.ts'
import { metricsRoute } from './routes/metrics.ts'
import { operationsRoutes } from './routes/operations.ts'
import { policyRoutes } from './routes/policies.ts'
import { protectedResourceRoute } from './routes/protected-resource.ts'
import { requestRoutes } from './routes/requests.ts'
import { serverRoutes } from './routes/servers.ts'
import { statisticsRoutes } from './routes/statistics.ts'
import { tenantRoutes } from './routes/tenants.ts'
import { toolsetRoutes } from './routes/toolsets.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route under `/api` is answered from what is in memory. Default: it needs the database. */
    readonly withoutDatabase?: boolean
  }
}

export interface HttpServerOptions {
  readonly settings: Settings
  readonly logger: Logger
  readonly lifecycle: Lifecycle
  readonly authenticator: Authenticator
  readonly apiKeys: ApiKeys
  readonly callers: Callers
  readonly policies: Policies
  readonly tenants: Tenants
  readonly trail: AuditTrail
  readonly auditLog: AuditLog
  readonly access: AccessControl
  readonly limits: RequestLimits
  readonly registry: Registry
  readonly toolsets: Toolsets
  readonly review: CapabilityReview
  readonly logins: UpstreamLogins
  readonly routes: RouteTable
  readonly proxy: ServerProxy
  readonly merged: MergedProxy
  readonly requests: ActiveRequests
  readonly traffic: Traffic
  readonly upstreams: Upstreams
  readonly metrics: MetricsPage
  readonly version: string
  /** Whether the database is there and up to date; waits so long for it, in milliseconds. */
  readonly isDatabasePrepared: (withinMs: number) => Promise<boolean>
  /** Parts whose state `/ready` shows. */
  readonly components: () => Record<string, unknown>
  /** Limits of the sockets, the same for every address that is listened on. */
  readonly http: ServerOptions
}

/** How long an idle connection is kept, in milliseconds: longer than the load balancers in front keep theirs. */
const KEEP_ALIVE_MS = 75_000

/** How long administration waits for a database that was not there at the start, in milliseconds. An embedded one is being opened. */
const DATABASE_WAIT_MS = { postgres: 1500, embedded: 15_000, memory: 15_000 } as const

/** Whether a request is about what is registered, and not about calls. */
const isAdministration = ({ routeOptions: { url = '', config } }: FastifyRequest): boolean =>
  /^(\/t\/:tenant)?\/api\//u.test(url) && config.withoutDatabase !== true

/** Builds the HTTP face: guard, parsers, routes, and the one mapping of errors. It listens to nothing yet. */
export const createHttpServer = async (options: HttpServerOptions): Promise<FastifyInstance> => {
  const { settings, logger, lifecycle } = options
  const app = fastify({
    bodyLimit: settings.limits.maxRequestBytes,
    connectionTimeout: 0,
    forceCloseConnections: 'idle',
    genReqId: () => randomUUID(),
    handlerTimeout: 0,
    http: options.http,
    keepAliveTimeout: KEEP_ALIVE_MS,
    logger: false,
    requestTimeout: settings.timeouts.clientBodyMs,
    return503OnClosing: true,
  }).withTypeProvider<ZodTypeProvider>()

  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)

  auditRequests(app, options.trail)
  app.decorate('callerRules', { access: options.access, limits: options.limits })
  countRefused(app, settings)
  const guard = new Guard({ settings })
  const resources = new ProtectedResources(settings)
  app.decorateRequest('resource', undefined)
  locateBelow(app, settings.listen.publicUrl)
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id)
    if (settings.security.securityHeaders) {
      void reply.headers({
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        ...(settings.listen.publicUrl?.protocol === 'https:'
          ? { 'strict-transport-security': 'max-age=31536000' }
          : {}),
      })
    }
    guard.check(request, reply)
    if (request.method === 'OPTIONS') return guard.preflight(request, reply)
    request.resource = resources.identifierOf(request)
    return refusePacked(request, reply)
  })

  app.addHook('onRequest', async (request) => {
    if (
      !isAdministration(request) ||
      (await options.isDatabasePrepared(DATABASE_WAIT_MS[settings.store.kind]))
    )
      return
    throw new UnavailableError(
      'database_unavailable',
      'The database has not answered since the gateway was started; what is registered stays reachable under /mcp.',
      { retryAfterMs: 2000 },
    )
  })

  tagEntities(app)
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error, request.id)
    noteProblem(request, problem.code)
    if (problem.status >= 500 && !UnavailableError.is(error)) {
      logger.error('a request failed', {
        requestId: request.id,
        method: request.method,
        path: request.routeOptions.url,
        error,
      })
    }
    void reply.headers(rateLimitHeadersOf(error))
    const challenge = resources.challenge(request, problem)
    if (challenge !== undefined) void reply.header('www-authenticate', challenge)
    return sendProblem(request, reply, problem, retryAfterOf(error))
  })
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      request,
      reply,
      problemOf(
        new NotFoundError(
          'no_such_path',
          `nothing answers ${request.method} at this path; /openapi.json lists what there is`,
        ),
        request.id,
      ),
    ),
  )

  // Only JSON comes in: what a page can send without asking first (text, forms) is answered 415.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  )

  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'MCP Registry Gateway',
        version: options.version,
        description: 'One registry of MCP servers and one gateway in front of them.',
      },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    },
    transform: jsonSchemaTransform,
  })
  await app.register(operationsRoutes, options)
  await app.register(metricsRoute, options)
  await app.register(clientMetadataRoute, options)
  await app.register(protectedResourceRoute, { resources })
  await app.register(loginReturnRoute, options)
  await app.register(tenantRoutes, { ...options, prefix: '/api/v1' })
  for (const prefix of ['', '/t/:tenant']) {
    await app.register(serverRoutes, { ...options, prefix: `${prefix}/api/v1` })
    await app.register(keyRoutes, { ...options, prefix: `${prefix}/api/v1` })
    await app.register(auditRoutes, { ...options, prefix: `${prefix}/api/v1` })
    await app.register(policyRoutes, { ...options, prefix: `${prefix}/api/v1` })
    await app.register(statisticsRoutes, { ...options, prefix: `${prefix}/api/v1` })
    await app.register(requestRoutes, { ...options, prefix: `${prefix}/api/v1` })
    await app.register(toolsetRoutes, { ...options, prefix: `${prefix}/api/v1` })
    await app.register(capabilityRoutes, { ...options, prefix: `${prefix}/api/v1` })
    await app.register(discoveryRoutes, { ...options, prefix: `${prefix}/api/v1` })
    await app.register(explainRoutes, { ...options, prefix: `${prefix}/api/v1` })
    await app.register(loginRoutes, { ...options, prefix: `${prefix}/api/v1` })
    await app.register(mcpRoutes, { ...options, prefix: `${prefix}/mcp`, lifecycle })
  }
  return app
}
