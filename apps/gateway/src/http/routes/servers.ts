import type { AccessControl, Authenticator } from '@mreg/access'
import type { Principal } from '@mreg/core'
import type { MergedProxy } from '@mreg/proxy'
import {
  type Registry,
  serverInputSchema,
  serverNotFound,
  serverPatchSchema,
  serversInputSchema,
  type ServerView,
} from '@mreg/registry'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

import { atWantedRevision, wantedRevision } from '../entity-tag.ts'
import { principalOf, requireCaller } from '../principal.ts'
import { changeHeaders, onceHeaders } from './change-headers.ts'
import { registeredServersSchema } from './registered-servers-schema.ts'
import { healthSchema, problemSchema, serverListSchema, serverSchema } from './schemas.ts'

export interface ServerRoutesOptions {
  readonly authenticator: Authenticator
  readonly access: AccessControl
  readonly registry: Registry
  readonly merged: Pick<MergedProxy, 'offers'>
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
const outdated = { 412: problemSchema }
const common = { tags: ['servers'], security: [{ key: [] }] }

/** `/api/v1/servers`: what is registered. Every one of these routes needs a key. */
export const serverRoutes: FastifyPluginAsyncZod<ServerRoutesOptions> = async (
  app,
  { access, authenticator, merged, registry },
) => {
  const withOffer = (principal: Principal, server: ServerView): ServerView => ({
    ...server,
    offer: merged.offers.ofServer(principal, server.slug),
  })

  const mayUse = (principal: Principal, { slug }: ServerView): boolean =>
    access.limitsOf(principal)?.refusal({ kind: 'server', name: slug }) === undefined

  requireCaller(app, authenticator)

  app.post(
    '/servers',
    {
      config: { role: 'operator' },
      schema: {
        ...common,
        summary: 'Register a server',
        headers: onceHeaders,
        body: serverInputSchema,
        response: { 201: serverSchema, ...failures, ...collision },
      },
    },
    async (request, reply) => {
      const server = await registry.register(principalOf(request), request.body, {
        idempotencyKey: request.headers['idempotency-key'],
      })
      return reply.code(201).header('location', `/api/v1/servers/${server.id}`).send(server)
    },
  )

  app.post(
    '/servers/bulk',
    {
      config: { role: 'operator' },
      schema: {
        ...common,
        summary: 'Register up to 1,000 servers, all or each',
        body: serversInputSchema,
        response: { 200: registeredServersSchema, ...failures, ...collision },
      },
    },
    (request) => registry.registerMany(principalOf(request), request.body),
  )

  app.get(
    '/servers',
    {
      config: { role: 'readonly', heedsLimits: true },
      schema: {
        ...common,
        summary: 'List servers',
        querystring: query,
        response: { 200: serverListSchema, ...failures },
      },
    },
    async (request) => {
      const principal = principalOf(request)
      const { items, ...more } = await registry.list(principal, request.query)
      const usable = items.filter((server) => mayUse(principal, server))
      return { ...more, items: usable.map((server) => withOffer(principal, server)) }
    },
  )

  app.get(
    '/servers/:idOrSlug',
    {
      config: { role: 'readonly', heedsLimits: true },
      schema: {
        ...common,
        summary: 'Show a server',
        params: path,
        response: { 200: serverSchema, ...failures, ...missing },
      },
    },
    async (request) => {
      const principal = principalOf(request)
      const { idOrSlug } = request.params
      const server = await registry.get(principal, idOrSlug)
      if (!mayUse(principal, server)) throw serverNotFound(idOrSlug)
      return withOffer(principal, server)
    },
  )

  app.patch(
    '/servers/:idOrSlug',
    {
      config: { role: 'operator' },
      schema: {
        ...common,
        summary: 'Change a server',
        params: path,
        headers: changeHeaders,
        body: serverPatchSchema,
        response: { 200: serverSchema, ...failures, ...missing, ...collision, ...outdated },
      },
    },
    (request) =>
      registry.update(principalOf(request), request.params.idOrSlug, atWantedRevision(request, request.body)),
  )

  app.delete(
    '/servers/:idOrSlug',
    {
      config: { role: 'operator' },
      schema: {
        ...common,
        summary: 'Remove a server',
        params: path,
        headers: changeHeaders,
        response: { 204: z.null(), ...failures, ...missing, ...collision, ...outdated },
      },
    },
    async (request, reply) => {
      const revision = wantedRevision(request)
      await registry.remove(principalOf(request), request.params.idOrSlug, { revision })
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/servers/:idOrSlug/probe',
    {
      config: { role: 'operator' },
      schema: {
        ...common,
        summary: 'Ask a server now whether it works',
        params: path,
        response: { 200: serverSchema, ...failures, ...missing },
      },
    },
    (request) => registry.probe(principalOf(request), request.params.idOrSlug),
  )

  app.get(
    '/servers/:idOrSlug/health',
    {
      config: { role: 'readonly' },
      schema: {
        ...common,
        summary: 'How a server is doing, and how it was',
        params: path,
        querystring: historyQuery,
        response: { 200: healthSchema, ...failures, ...missing },
      },
    },
    (request) => registry.health(principalOf(request), request.params.idOrSlug, request.query),
  )
}
