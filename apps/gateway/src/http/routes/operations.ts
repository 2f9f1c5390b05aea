import type { RouteTable } from '@mreg/proxy'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

import type { Lifecycle } from '../../process/lifecycle.ts'

export interface OperationsRoutesOptions {
  readonly lifecycle: Lifecycle
  readonly routes: RouteTable
  readonly version: string
  /** The parts that are shown as detail; none of them decides. */
  readonly components: () => Record<string, unknown>
}

/** `/health`, `/ready` and `/openapi.json`: for machines that watch over this one. */
export const operationsRoutes: FastifyPluginAsyncZod<OperationsRoutesOptions> = async (app, options) => {
  const { lifecycle, routes, version, components } = options

  app.get(
    '/health',
    {
      schema: {
        tags: ['operations'],
        summary: 'Whether the process lives',
        response: {
          200: z.object({ status: z.literal('ok'), version: z.string(), uptimeSeconds: z.number() }),
        },
      },
    },
    () => ({ status: 'ok' as const, version, uptimeSeconds: Math.round(process.uptime()) }),
  )

  const readiness = z.object({
    status: z.enum(['ready', 'loading', 'draining']),
    servers: z.number().describe('How many servers can be routed to.'),
    components: z.record(z.string(), z.unknown()),
  })
  app.get(
    '/ready',
    {
      schema: {
        tags: ['operations'],
        summary:
          'Whether requests can be routed: a snapshot of the registry is loaded and the process is not ending',
        response: { 200: readiness, 503: readiness },
      },
    },
    async (_request, reply) => {
      const status = lifecycle.isLeaving ? 'draining' : routes.loaded ? 'ready' : 'loading'
      return reply
        .code(status === 'ready' ? 200 : 503)
        .send({ status, servers: routes.size, components: components() })
    },
  )

  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}
