import type { Authenticator } from '@mreg/access'
import type { MergedProxy } from '@mreg/proxy'
import { DEFINITION_KINDS, type DefinitionKind } from '@mreg/registry'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

import { principalOf, requireCaller } from '../principal.ts'
import { problemSchema } from './schemas.ts'

export interface DiscoveryRoutesOptions {
  readonly authenticator: Authenticator
  readonly merged: Pick<MergedProxy, 'discovery'>
}

const ROUTES: readonly { readonly path: string; readonly kinds: readonly DefinitionKind[] }[] = [
  { path: 'tools', kinds: ['tool'] },
  { path: 'prompts', kinds: ['prompt'] },
  { path: 'resources', kinds: ['resource', 'resource_template'] },
]

const name = z.string().min(1).max(2048)
const query = z.object({
  q: z.string().max(200).optional().describe('Words to look for; the best matches come first.'),
  name: z
    .union([name.transform((one) => [one]), z.array(name).max(100)])
    .optional()
    .describe('What clients or the server call it: a name, or the URI of a resource. May be repeated.'),
  server: z.string().max(64).optional().describe('The slug of a server.'),
  field: z.string().max(256).optional().describe('What one of the arguments is called.'),
  set: z.string().max(64).optional().describe('Only what a toolset has, under its names.'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(8192).optional(),
})

const foundSchema = z.object({
  items: z.array(
    z.object({
      kind: z.enum(DEFINITION_KINDS),
      name: z.string().describe('What clients of `/mcp`, or of the toolset, call it.'),
      server: z.string(),
      ownName: z.string().describe('What its server calls it.'),
      definition: z.record(z.string(), z.unknown()).describe('As clients have it.'),
      unavailable: z
        .object({ since: z.iso.datetime(), reason: z.string() })
        .optional()
        .describe('Why it may be out of date; missing: its server works.'),
    }),
  ),
  nextCursor: z.string().optional(),
})

/** `/api/v1/discovery`: what servers offer the caller, from what is in memory; no server is asked. */
export const discoveryRoutes: FastifyPluginAsyncZod<DiscoveryRoutesOptions> = async (
  app,
  { authenticator, merged },
) => {
  requireCaller(app, authenticator)

  for (const { kinds, path } of ROUTES) {
    app.get(
      `/discovery/${path}`,
      {
        config: { role: 'readonly', heedsLimits: true, withoutDatabase: true },
        schema: {
          tags: ['discovery'],
          security: [{ key: [] }],
          summary: `Find ${path} by words, names, server or argument`,
          querystring: query,
          response: {
            200: foundSchema,
            400: problemSchema,
            401: problemSchema,
            403: problemSchema,
          },
        },
      },
      (request) => {
        const { name: names, set: toolset, ...rest } = request.query
        return merged.discovery.find(principalOf(request), { ...rest, kinds, names, toolset })
      },
    )
  }
}
