import { type Authenticator, tenantInputSchema, type Tenants } from '@mreg/access'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

import { requireCaller } from '../principal.ts'
import { problemSchema } from './schemas.ts'

export interface TenantRoutesOptions {
  readonly authenticator: Authenticator
  readonly tenants: Tenants
}

const path = z.object({ tenantId: z.string().min(1).max(64) })
const page = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1024).optional(),
})

const tenantSchema = z.object({
  id: z.string(),
  revision: z.number().describe('Of its last change.'),
  createdAt: z.iso.datetime(),
})
const listSchema = z.object({ items: z.array(tenantSchema), nextCursor: z.string().optional() })

const failures = { 400: problemSchema, 401: problemSchema, 403: problemSchema, 503: problemSchema }
const missing = { 404: problemSchema }
const collision = { 409: problemSchema }
const common = { tags: ['tenants'], security: [{ key: [] }] }
const config = { ofInstallation: true } as const

/** `/api/v1/tenants`: for the administrator of the whole installation alone. What is in a tenant is under `/t/{tenant}/api/v1`. */
export const tenantRoutes: FastifyPluginAsyncZod<TenantRoutesOptions> = async (
  app,
  { authenticator, tenants },
) => {
  requireCaller(app, authenticator)

  app.post(
    '/tenants',
    {
      config,
      schema: {
        ...common,
        summary: 'Make a tenant',
        body: tenantInputSchema,
        response: { 201: tenantSchema, ...failures, ...collision },
      },
    },
    async (request, reply) => {
      const tenant = await tenants.create(request.body)
      return reply.code(201).header('location', `/api/v1/tenants/${tenant.id}`).send(tenant)
    },
  )

  app.get(
    '/tenants',
    {
      config,
      schema: {
        ...common,
        summary: 'List tenants',
        querystring: page,
        response: { 200: listSchema, ...failures },
      },
    },
    (request) => tenants.list(request.query),
  )

  app.get(
    '/tenants/:tenantId',
    {
      config,
      schema: {
        ...common,
        summary: 'Show a tenant',
        params: path,
        response: { 200: tenantSchema, ...failures, ...missing },
      },
    },
    (request) => tenants.get(request.params.tenantId),
  )
}
