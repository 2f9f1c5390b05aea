import {
  accessRulesSchema,
  type Authenticator,
  type Policies,
  policyInputSchema,
  policyPatchSchema,
} from '@mreg/access'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

import { atWantedRevision, wantedRevision } from '../entity-tag.ts'
import { principalOf, requireCaller } from '../principal.ts'
import { changeHeaders } from './change-headers.ts'
import { problemSchema } from './schemas.ts'

export interface PolicyRoutesOptions {
  readonly authenticator: Authenticator
  readonly policies: Policies
}

const path = z.object({ policyId: z.string().min(1).max(64) })
const page = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1024).optional(),
})

const policySchema = z.object({
  id: z.string(),
  name: z.string(),
  subject: z.object({ kind: z.enum(['tenant', 'role', 'key']), id: z.string().optional() }),
  rules: accessRulesSchema.or(z.record(z.string(), z.unknown())),
  managedBy: z.string().describe('Who may change it: `api`, `file:<id>` or `sync:<source>`.'),
  revision: z.number(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
})
const listSchema = z.object({ items: z.array(policySchema), nextCursor: z.string().optional() })

const failures = { 400: problemSchema, 401: problemSchema, 403: problemSchema, 503: problemSchema }
const missing = { 404: problemSchema }
const collision = { 409: problemSchema }
const outdated = { 412: problemSchema }
const common = { tags: ['policies'], security: [{ key: [] }] }
const config = { role: 'admin' } as const

/** `/api/v1/policies`: what everybody in a tenant, everybody of a role, or whoever comes with a key is limited to. */
export const policyRoutes: FastifyPluginAsyncZod<PolicyRoutesOptions> = async (
  app,
  { authenticator, policies },
) => {
  requireCaller(app, authenticator)

  app.post(
    '/policies',
    {
      config,
      schema: {
        ...common,
        summary: 'Make a policy',
        body: policyInputSchema,
        response: { 201: policySchema, ...failures, ...collision },
      },
    },
    async (request, reply) => {
      const policy = await policies.create(principalOf(request), request.body)
      return reply.code(201).header('location', `/api/v1/policies/${policy.id}`).send(policy)
    },
  )

  app.get(
    '/policies',
    {
      config,
      schema: {
        ...common,
        summary: 'List policies',
        querystring: page,
        response: { 200: listSchema, ...failures },
      },
    },
    (request) => policies.list(principalOf(request), request.query),
  )

  app.get(
    '/policies/:policyId',
    {
      config,
      schema: {
        ...common,
        summary: 'Show a policy',
        params: path,
        response: { 200: policySchema, ...failures, ...missing },
      },
    },
    (request) => policies.get(principalOf(request), request.params.policyId),
  )

  app.patch(
    '/policies/:policyId',
    {
      config,
      schema: {
        ...common,
        summary: 'Change a policy',
        params: path,
        headers: changeHeaders,
        body: policyPatchSchema,
        response: { 200: policySchema, ...failures, ...missing, ...collision, ...outdated },
      },
    },
    (request) =>
      policies.update(principalOf(request), request.params.policyId, atWantedRevision(request, request.body)),
  )

  app.delete(
    '/policies/:policyId',
    {
      config,
      schema: {
        ...common,
        summary: 'Remove a policy',
        params: path,
        headers: changeHeaders,
        response: { 204: z.null(), ...failures, ...missing, ...collision, ...outdated },
      },
    },
    async (request, reply) => {
      const revision = wantedRevision(request)
      await policies.remove(principalOf(request), request.params.policyId, { revision })
      return reply.code(204).send(null)
    },
  )
}
