import type { Authenticator } from '@mreg/access'
import { NotFoundError } from '@mreg/core'
import type { ActiveRequests } from '@mreg/proxy'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

import { principalOf, requireCaller } from '../principal.ts'
import { problemSchema } from './schemas.ts'

export interface RequestRoutesOptions {
  readonly authenticator: Authenticator
  readonly requests: ActiveRequests
}

const requestSchema = z.object({
  id: z.string().describe('The `X-Request-Id` of the answer; finds the request in the log.'),
  principal: z.string(),
  server: z.string().optional().describe('The slug of the server; left out while it is not known.'),
  method: z.string().describe('The JSON-RPC method; of a stream that was opened, GET.'),
  tool: z.string().optional().describe('The tool that is called. Its arguments are not shown.'),
  endpointId: z.string().optional().describe('The endpoint that it was sent to last.'),
  phase: z
    .enum(['routing', 'waiting', 'answering'])
    .describe('Being read and routed; sent, with no answer yet; answered in parts.'),
  ageMs: z.number(),
})

const failures = { 401: problemSchema, 403: problemSchema }
const config = { role: 'admin' } as const
const common = { tags: ['operations'], security: [{ key: [] }] }

/** `/api/v1/requests`: what this gateway is answering at this moment. For administrators. */
export const requestRoutes: FastifyPluginAsyncZod<RequestRoutesOptions> = async (
  app,
  { authenticator, requests },
) => {
  requireCaller(app, authenticator)

  app.get(
    '/requests',
    {
      config,
      schema: {
        ...common,
        summary: 'List the MCP requests that are being answered, the oldest first',
        description: 'Of this gateway: where several share the work, each shows its own.',
        response: { 200: z.object({ items: z.array(requestSchema) }), ...failures },
      },
    },
    async (request) => ({ items: requests.list(principalOf(request).tenantId) }),
  )

  app.delete(
    '/requests/:id',
    {
      config,
      schema: {
        ...common,
        summary: 'Cancel a request',
        description:
          'Its server is told as its protocol has it, and its client gets a JSON-RPC error with `data.reason` "cancelled".',
        params: z.object({ id: z.string().min(1).max(64) }),
        querystring: z.object({
          reason: z
            .string()
            .min(1)
            .max(200)
            .default('an administrator ended it')
            .describe('Is told to the client and the server.'),
        }),
        response: { 204: z.null(), ...failures, 404: problemSchema },
      },
    },
    async (request, reply) => {
      const { tenantId } = principalOf(request)
      const { id } = request.params
      if (!requests.cancel(tenantId, id, request.query.reason)) {
        throw new NotFoundError(
          'request_not_found',
          `this gateway is answering no request ${JSON.stringify(id)}; it may be over, or another gateway is answering it`,
        )
      }
      return reply.code(204).send(null)
    },
  )
}
