import type { Authenticator, Callers } from '@mreg/access'
import { slugFault, ValidationError } from '@mreg/core'
import type { MergedProxy } from '@mreg/proxy'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

import { principalOf, requireCaller } from '../principal.ts'
import { explanationSchema } from './explain-schemas.ts'
import { problemSchema } from './schemas.ts'

export interface ExplainRoutesOptions {
  readonly authenticator: Authenticator
  readonly callers: Callers
  readonly merged: Pick<MergedProxy, 'explainer'>
}

const slug = z.string().superRefine((value, context) => {
  const message = slugFault(value)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

const query = z.object({
  name: z
    .string()
    .min(1)
    .max(2048)
    .describe('What the caller calls it: the name of a tool or prompt, the URI of a resource.'),
  principal: z
    .string()
    .min(1)
    .max(255)
    .default('local')
    .describe(
      'The caller: an API key by its id, its name or the principal that it stands for; `local`: whoever comes without a key; `admin`: the administrator.',
    ),
  kind: z
    .enum(['tool', 'prompt', 'resource', 'resource_template'])
    .optional()
    .describe('Default: whatever is found under the name, in this order.'),
  server: slug.optional().describe('At `/mcp/{server}`, by the server’s own names. Default: at `/mcp`.'),
  set: slug.optional().describe('At `/mcp/sets/{set}`.'),
})

/** `/api/v1/explain`: why a caller sees something or does not, and where a call would go. For operators. */
export const explainRoutes: FastifyPluginAsyncZod<ExplainRoutesOptions> = async (
  app,
  { authenticator, callers, merged },
) => {
  requireCaller(app, authenticator)

  app.get(
    '/explain',
    {
      // From what the gateway serves from: it answers while the database is away, as calls are.
      config: { role: 'operator', withoutDatabase: true },
      schema: {
        tags: ['operations'],
        security: [{ key: [] }],
        summary: 'Say why a caller sees something or does not, and where a call would go',
        description:
          'Of this gateway: circuits and what is under way may stand otherwise at others. Nothing is called, and no turn is taken; a strategy that goes by chance may choose another endpoint for the call.',
        querystring: query,
        response: {
          200: explanationSchema,
          400: problemSchema,
          401: problemSchema,
          403: problemSchema,
          404: problemSchema,
          409: problemSchema,
        },
      },
    },
    async (request) => {
      const { kind, name, principal, server, set } = request.query
      if (server !== undefined && set !== undefined)
        throw new ValidationError([{ path: 'set', message: 'must be left out where `server` is given' }])
      const caller = callers.find(principalOf(request).tenantId, principal)
      return merged.explainer.explain({ caller, name, kind, server, set })
    },
  )
}
