import type { Authenticator } from '@mreg/access'
import { ForbiddenError, type Settings } from '@mreg/core'
import type { FastifyPluginAsync } from 'fastify'

import type { MetricsPage } from '../../metrics/metrics-page.ts'
import { identify, isOfInstallation } from '../principal.ts'

export interface MetricsRouteOptions {
  readonly settings: Settings
  readonly authenticator: Authenticator
  readonly metrics: Pick<MetricsPage, 'text'>
}

/**
 * `/metrics`, for Prometheus. It names the servers of all tenants, so it needs the administrator's key, unless `metrics.public`
 * says that everybody who reaches the gateway may read it.
 */
export const metricsRoute: FastifyPluginAsync<MetricsRouteOptions> = async (app, options) => {
  const { authenticator, metrics, settings } = options
  app.addHook('onRequest', async (request) => {
    if (settings.metrics.public) return
    if (isOfInstallation(await identify(request, 'api', authenticator))) return
    throw new ForbiddenError(
      'role_too_low',
      "figures of all tenants need the administrator's key; metrics.public in the settings file opens them to everybody",
    )
  })
  app.get(
    '/metrics',
    {
      schema: {
        tags: ['operations'],
        summary: 'Figures of this process, in the text format of Prometheus',
        security: [{ key: [] }],
        produces: ['text/plain'],
      },
    },
    async (_request, reply) =>
      reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics.text()),
  )
}
