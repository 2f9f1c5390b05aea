import type { Authenticator } from '@mreg/access'
import type { Principal } from '@mreg/core'
import type { MergedProxy } from '@mreg/proxy'
import { toolsetInputSchema, toolsetPatchSchema, type Toolsets, type ToolsetView } from '@mreg/registry'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

import { atWantedRevision, wantedRevision } from '../entity-tag.ts'
import { principalOf, requireCaller } from '../principal.ts'
import { changeHeaders } from './change-headers.ts'
import { problemSchema } from './schemas.ts'
import { toolsetListSchema, toolsetSchema } from './toolset-schemas.ts'

export interface ToolsetRoutesOptions {
  readonly authenticator: Authenticator
  readonly toolsets: Toolsets
  readonly merged: Pick<MergedProxy, 'offers'>
}

const path = z.object({ slug: z.string().min(1).max(64) })
const query = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1024).optional(),
})

const failures = { 400: problemSchema, 401: problemSchema, 403: problemSchema, 503: problemSchema }
const missing = { 404: problemSchema }
const collision = { 409: problemSchema }
const outdated = { 412: problemSchema }
const readers = { role: 'readonly' } as const
const writers = { role: 'admin' } as const
const common = { tags: ['toolsets'], security: [{ key: [] }] }

/** `/api/v1/toolsets`: named selections of what servers offer, each served at `/mcp/sets/{slug}`. Changes need an administrator. */
export const toolsetRoutes: FastifyPluginAsyncZod<ToolsetRoutesOptions> = async (
  app,
  { authenticator, merged, toolsets },
) => {
  const withOffer = (principal: Principal, toolset: ToolsetView): ToolsetView => ({
    ...toolset,
    offer: merged.offers.ofToolset(principal, toolset.slug),
  })

  requireCaller(app, authenticator)

  app.post(
    '/toolsets',
    {
      config: writers,
      schema: {
        ...common,
        summary: 'Make a toolset',
        body: toolsetInputSchema,
        response: { 201: toolsetSchema, ...failures, ...collision },
      },
    },
    async (request, reply) => {
      const toolset = await toolsets.create(principalOf(request), request.body, request.id)
      return reply.code(201).header('location', `/api/v1/toolsets/${toolset.slug}`).send(toolset)
    },
  )

  app.get(
    '/toolsets',
    {
      config: readers,
      schema: {
        ...common,
        summary: 'List toolsets',
        querystring: query,
        response: { 200: toolsetListSchema, ...failures },
      },
    },
    async (request) => {
      const principal = principalOf(request)
      const { items, ...more } = await toolsets.list(principal, request.query)
      return { ...more, items: items.map((toolset) => withOffer(principal, toolset)) }
    },
  )

  app.get(
    '/toolsets/:slug',
    {
      config: readers,
      schema: {
        ...common,
        summary: 'Show a toolset',
        params: path,
        response: { 200: toolsetSchema, ...failures, ...missing },
      },
    },
    async (request) => {
      const principal = principalOf(request)
      return withOffer(principal, await toolsets.get(principal, request.params.slug))
    },
  )

  app.patch(
    '/toolsets/:slug',
    {
      config: writers,
      schema: {
        ...common,
        summary: 'Change a toolset',
        params: path,
        headers: changeHeaders,
        body: toolsetPatchSchema,
        response: { 200: toolsetSchema, ...failures, ...missing, ...collision, ...outdated },
      },
    },
    (request) =>
      toolsets.update(
        principalOf(request),
        request.params.slug,
        atWantedRevision(request, request.body),
        request.id,
      ),
  )

  app.delete(
    '/toolsets/:slug',
    {
      config: writers,
      schema: {
        ...common,
        summary: 'Remove a toolset',
        params: path,
        headers: changeHeaders,
        response: { 204: z.null(), ...failures, ...missing, ...collision, ...outdated },
      },
    },
    async (request, reply) => {
      const revision = wantedRevision(request)
      await toolsets.remove(principalOf(request), request.params.slug, { revision }, request.id)
      return reply.code(204).send(null)
    },
  )
}
