import type { Authenticator } from '@mreg/access'
import { METHOD_CLASSES, OUTCOMES, type RouteTable, type ServerTraffic, type Traffic } from '@mreg/proxy'
import type { Registry, ServerCounts } from '@mreg/registry'
import type { Upstreams } from '@mreg/upstream'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

import { isOfInstallation, principalOf, requireCaller } from '../principal.ts'
import { problemSchema } from './schemas.ts'

export interface StatisticsRoutesOptions {
  readonly authenticator: Authenticator
  readonly registry: Registry
  readonly routes: RouteTable
  readonly traffic: Traffic
  readonly upstreams: Upstreams
}

const countsSchema = z.object({
  total: z.number(),
  byStatus: z.record(z.string(), z.number()),
  byTransport: z.record(z.string(), z.number()).describe('A server with several counts for each of them.'),
})

const trafficSchema = z.object({
  byOutcome: z.partialRecord(z.enum(OUTCOMES), z.number()),
  byMethod: z.partialRecord(z.enum(METHOD_CLASSES), z.object({ count: z.number(), meanMs: z.number() })),
  bridged: z.number().describe('Requests that were translated between the protocol eras.'),
  requestBytes: z.number(),
  responseBytes: z.number(),
})

const endpointSchema = z.object({
  id: z.string(),
  circuit: z
    .object({
      state: z.enum(['closed', 'open', 'half-open', 'isolated']),
      successes: z.number(),
      failures: z.number(),
      rejected: z.number().describe('Requests that were not tried.'),
      inFlight: z.number().describe('Requests that it is answering.'),
      openings: z.number().describe('Times in a row that it opened.'),
      retryAfterMs: z.number().describe('Until the next request is tried; 0 when one may be now.'),
    })
    .optional()
    .describe('Left out before the first request.'),
  balancer: z
    .object({
      state: z.enum(['ready', 'warming', 'ejected', 'draining']),
      effectiveWeight: z.number(),
      inFlight: z.number(),
      successes: z.number(),
      failures: z.number(),
    })
    .optional()
    .describe('Left out where there is only one endpoint.'),
})

const statisticsSchema = z.object({
  servers: countsSchema.extend({
    byTenant: z
      .record(z.string(), countsSchema)
      .optional()
      .describe("Of all tenants; for the administrator's key of the installation."),
  }),
  traffic: z
    .array(trafficSchema.partial().extend({ server: z.string(), endpoints: z.array(endpointSchema) }))
    .describe('Of this gateway since its start, for the servers that it was asked for.'),
})

type EndpointStatistics = z.output<typeof endpointSchema>
type TrafficStatistics = z.output<typeof trafficSchema>

/** `/api/v1/stats`: how many servers there are, and what this gateway was asked. */
export const statisticsRoutes: FastifyPluginAsyncZod<StatisticsRoutesOptions> = async (app, options) => {
  const { authenticator, registry, routes, traffic, upstreams } = options
  requireCaller(app, authenticator)

  app.get(
    '/stats',
    {
      config: { role: 'operator' },
      schema: {
        tags: ['operations'],
        security: [{ key: [] }],
        summary: 'Count servers and requests',
        description:
          'Figures of requests are those of this gateway: where several share the work, each has its own.',
        querystring: z.object({
          server: z.string().max(64).optional().describe('Only the server of this slug.'),
        }),
        response: { 200: statisticsSchema, 400: problemSchema, 401: problemSchema, 403: problemSchema },
      },
    },
    async (request) => {
      const principal = principalOf(request)
      const counts = await registry.count(principal)
      const byTenant = isOfInstallation(principal) ? await registry.countByTenant() : undefined
      const own = new Map(
        [...traffic.servers()].filter(([, { tenantId }]) => tenantId === principal.tenantId),
      )
      const circuits = new Map(
        [...upstreams.circuits].map((circuit) => [circuit.endpointId, circuit.breaker]),
      )
      const shown = []
      for (const { replicas, server, targets } of routes.list(principal.tenantId)) {
        const found = own.get(server.id)
        const isWanted =
          request.query.server === undefined ? found !== undefined : request.query.server === server.slug
        if (!isWanted) continue
        const balanced = new Map(replicas.stats().map((stats) => [stats.id, stats]))
        const endpoints = targets.map(({ endpoint: { id } }): EndpointStatistics => {
          const breaker = circuits.get(id)
          return { id, circuit: breaker && circuitOf(breaker), balancer: balanced.get(id) }
        })
        shown.push({ server: server.slug, ...(found && trafficOf(found)), endpoints })
      }
      return {
        servers: {
          ...viewOf(counts),
          ...(byTenant && {
            byTenant: Object.fromEntries([...byTenant].map(([tenantId, each]) => [tenantId, viewOf(each)])),
          }),
        },
        traffic: shown,
      }
    },
  )
}

const viewOf = ({ byStatus, byTransport, total }: ServerCounts): z.output<typeof countsSchema> => ({
  total,
  byStatus: Object.fromEntries(byStatus),
  byTransport: Object.fromEntries(byTransport),
})

const trafficOf = (server: ServerTraffic): TrafficStatistics => {
  const byOutcome: TrafficStatistics['byOutcome'] = {}
  for (const { count, outcome } of server.counts()) byOutcome[outcome] = (byOutcome[outcome] ?? 0) + count
  const byMethod: TrafficStatistics['byMethod'] = {}
  for (const { count, methodClass, sumMs } of server.durations())
    byMethod[methodClass] = { count, meanMs: Math.round((sumMs / count) * 100) / 100 }
  const { bridged, requestBytes, responseBytes } = server
  return { byOutcome, byMethod, bridged, requestBytes, responseBytes }
}

const circuitOf = ({
  retryAfterMs,
  stats,
}: {
  readonly retryAfterMs: number
  readonly stats: {
    readonly state: 'closed' | 'open' | 'half-open' | 'isolated'
    readonly successes: number
    readonly failures: number
    readonly openings: number
    readonly outstanding: number
    readonly rejected: Readonly<Record<'open' | 'probing' | 'isolated', number>>
  }
}): EndpointStatistics['circuit'] => ({
  state: stats.state,
  successes: stats.successes,
  failures: stats.failures,
  rejected: stats.rejected.open + stats.rejected.probing + stats.rejected.isolated,
  inFlight: stats.outstanding,
  openings: stats.openings,
  retryAfterMs: Math.max(0, Math.ceil(retryAfterMs)),
})
