import type { Authenticator } from '@mreg/access'
import { type Registry, serverInputSchema, serverPatchSchema, type ServerView } from '@mreg/registry'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

import { principalOf } from '../principal.ts'
import { healthSchema, problemSchema, serverListSchema, serverSchema } from './schemas.ts'

export interface ServerRoutesOptions {
  readonly authenticator: Authenticator
  readonly registry: Registry
}

const path = z.object({ idOrSlug: z.string().min(1).max(64) })
const page = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1024).optional(),
}
const query = z.object({
  q: z.string().max(200).optional().describe('Part of the slug, the title or the description.'),
  tag: z.string().max(64).optional(),
  transport: z.enum(['streamable-http', 'sse', 'stdio']).optional(),
  status: z.enum(['unknown', 'healthy', 'degraded', 'unhealthy', 'needs_login', 'maintenance']).optional(),
  ...page,
})
/** Of the history. */
const historyQuery = z.object(page)

const failures = { 400: problemSchema, 401: problemSchema, 403: problemSchema, 503: problemSchema }
const missing = { 404: problemSchema }
const collision = { 409: problemSchema }
const common = { tags: ['servers'], security: [{ key: [] }] }

/** `/api/v1/servers`: what is registered. Every one of these routes needs a key. */
export const serverRoutes: FastifyPluginAsyncZod<ServerRoutesOptions> = async (
  app,
  { authenticator, registry },
) => {
  // Before the body is read: who has no key gets no work done.
  app.addHook('onRequest', async (request) => {
    principalOf(request, 'api', authenticator)
  })

  app.post(
    '/servers',
    {
      schema: {
        ...common,
        summary: 'Register a server',
        body: serverInputSchema,
        response: { 201: serverSchema, ...failures, ...collision },
      },
    },
    async (request, reply) => {
      const server = await registry.register(principalOf(request, 'api', authenticator), request.body)
      return reply.code(201).header('location', `/api/v1/servers/${server.id}`).send(server)
    },
  )

  app.get(
    '/servers',
    {
      schema: {
        ...common,
        summary: 'List servers',
        querystring: query,
        response: { 200: serverListSchema, ...failures },
      },
    },
    (request) => registry.list(principalOf(request, 'api', authenticator), request.query),
  )

  app.get(
    '/servers/:idOrSlug',
    {
      schema: {
        ...common,
        summary: 'Show a server',
        params: path,
        response: { 200: serverSchema, ...failures, ...missing },
      },
    },
    (request): Promise<ServerView> =>
      registry.get(principalOf(request, 'api', authenticator), request.params.idOrSlug),
  )

  app.patch(
    '/servers/:idOrSlug',
    {
      schema: {
        ...common,
        summary: 'Change a server',
        params: path,
        body: serverPatchSchema,
        response: { 200: serverSchema, ...failures, ...missing, ...collision },
      },
    },
    (request) =>
      registry.update(principalOf(request, 'api', authenticator), request.params.idOrSlug, request.body),
  )

  app.delete(
    '/servers/:idOrSlug',
    {
      schema: {
        ...common,
        summary: 'Remove a server',
        params: path,
        response: { 204: z.null(), ...failures, ...missing },
      },
    },
    async (request, reply) => {
      await registry.remove(principalOf(request, 'api', authenticator), request.params.idOrSlug)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/servers/:idOrSlug/probe',
    {
      schema: {
        ...common,
        summary: 'Ask a server now whether it works',
        params: path,
        response: { 200: serverSchema, ...failures, ...missing },
      },
    },
    (request) => registry.probe(principalOf(request, 'api', authenticator), request.params.idOrSlug),
  )

  app.get(
    '/servers/:idOrSlug/health',
    {
      schema: {
        ...common,
        summary: 'How a server is doing, and how it was',
        params: path,
        querystring: historyQuery,
        response: { 200: healthSchema, ...failures, ...missing },
      },
    },
    (request) =>
      registry.health(principalOf(request, 'api', authenticator), request.params.idOrSlug, request.query),
  )
}
