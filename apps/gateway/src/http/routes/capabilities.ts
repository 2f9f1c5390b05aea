import type { Authenticator } from '@mreg/access'
import type { MergedProxy } from '@mreg/proxy'
import { capabilityDecisionsSchema, capabilityQuerySchema, type CapabilityReview } from '@mreg/registry'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

import { principalOf, requireCaller } from '../principal.ts'
import { capabilitiesSchema, problemSchema } from './schemas.ts'

export interface CapabilityRoutesOptions {
  readonly authenticator: Authenticator
  readonly review: CapabilityReview
  readonly merged: Pick<MergedProxy, 'observe'>
}

const path = z.object({ idOrSlug: z.string().min(1).max(64) })
const query = capabilityQuerySchema.extend({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(4096).optional(),
})
const failures = {
  400: problemSchema,
  401: problemSchema,
  403: problemSchema,
  404: problemSchema,
  503: problemSchema,
}
const common = { tags: ['servers'], security: [{ key: [] }], params: path }

/** `/api/v1/servers/{server}/capabilities`: what a server offers, and what of it clients have. */
export const capabilityRoutes: FastifyPluginAsyncZod<CapabilityRoutesOptions> = async (
  app,
  { authenticator, merged, review },
) => {
  requireCaller(app, authenticator)

  app.get(
    '/servers/:idOrSlug/capabilities',
    {
      config: { role: 'readonly' },
      schema: {
        ...common,
        summary: 'List what a server offers, and what of it waits for an approval',
        querystring: query,
        response: { 200: capabilitiesSchema, ...failures },
      },
    },
    async (request) => {
      const principal = principalOf(request)
      await merged.observe(principal)
      return review.list(principal, request.params.idOrSlug, request.query)
    },
  )

  app.post(
    '/servers/:idOrSlug/capabilities/decisions',
    {
      config: { role: 'admin' },
      schema: {
        ...common,
        summary: 'Approve, switch off or switch on some of what a server offers',
        body: capabilityDecisionsSchema,
        response: {
          200: capabilitiesSchema.pick({ items: true }),
          ...failures,
          409: problemSchema,
        },
      },
    },
    async (request) => {
      const principal = principalOf(request)
      await merged.observe(principal)
      return review.decide(principal, request.params.idOrSlug, request.body, request.id)
    },
  )
}
