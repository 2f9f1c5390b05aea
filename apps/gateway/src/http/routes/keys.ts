import {
  apiKeyInputSchema,
  apiKeyPatchSchema,
  apiKeyRotationSchema,
  accessRulesSchema,
  type ApiKeys,
  type Authenticator,
} from '@mreg/access'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

import { principalOf, requireCaller } from '../principal.ts'
import { problemSchema } from './schemas.ts'

export interface KeyRoutesOptions {
  readonly authenticator: Authenticator
  readonly apiKeys: ApiKeys
}

const path = z.object({ keyId: z.string().min(1).max(64) })
const page = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1024).optional(),
})

const keySchema = z.object({
  id: z.string(),
  name: z.string(),
  prefix: z.string().describe('How the key begins: enough to recognise it.'),
  principalId: z.string(),
  role: z.enum(['admin', 'operator', 'user', 'readonly']),
  scopes: accessRulesSchema.or(z.record(z.string(), z.unknown())),
  state: z.enum(['active', 'expired', 'revoked']),
  expiresAt: z.iso.datetime().optional(),
  revokedAt: z.iso.datetime().optional(),
  lastUsedAt: z.iso.datetime().optional().describe('To within a minute or so.'),
  revision: z.number(),
  createdAt: z.iso.datetime(),
})
const issuedSchema = keySchema.extend({
  key: z.string().describe('The key itself: shown this once, and kept nowhere.'),
})
const listSchema = z.object({ items: z.array(keySchema), nextCursor: z.string().optional() })

const failures = { 400: problemSchema, 401: problemSchema, 403: problemSchema, 503: problemSchema }
const missing = { 404: problemSchema }
const collision = { 409: problemSchema }
const common = { tags: ['keys'], security: [{ key: [] }] }
const config = { role: 'admin' } as const

/** `/api/v1/keys`: the API keys of a tenant. */
export const keyRoutes: FastifyPluginAsyncZod<KeyRoutesOptions> = async (app, { apiKeys, authenticator }) => {
  requireCaller(app, authenticator)

  app.post(
    '/keys',
    {
      config,
      schema: {
        ...common,
        summary: 'Make an API key',
        body: apiKeyInputSchema,
        response: { 201: issuedSchema, ...failures, ...collision },
      },
    },
    async (request, reply) => {
      const issued = await apiKeys.create(principalOf(request), request.body)
      return reply
        .code(201)
        .headers({ 'cache-control': 'no-store', location: `/api/v1/keys/${issued.id}` })
        .send(issued)
    },
  )

  app.get(
    '/keys',
    {
      config,
      schema: {
        ...common,
        summary: 'List API keys',
        querystring: page,
        response: { 200: listSchema, ...failures },
      },
    },
    (request) => apiKeys.list(principalOf(request), request.query),
  )

  app.get(
    '/keys/:keyId',
    {
      config,
      schema: {
        ...common,
        summary: 'Show an API key',
        params: path,
        response: { 200: keySchema, ...failures, ...missing },
      },
    },
    (request) => apiKeys.get(principalOf(request), request.params.keyId),
  )

  app.patch(
    '/keys/:keyId',
    {
      config,
      schema: {
        ...common,
        summary: 'Change what an API key may do',
        params: path,
        body: apiKeyPatchSchema,
        response: { 200: keySchema, ...failures, ...missing, ...collision },
      },
    },
    (request) => apiKeys.update(principalOf(request), request.params.keyId, request.body),
  )

  app.post(
    '/keys/:keyId/rotate',
    {
      config,
      schema: {
        ...common,
        summary: 'Replace an API key by a new one that may do the same',
        params: path,
        body: apiKeyRotationSchema,
        response: { 201: issuedSchema, ...failures, ...missing, ...collision },
      },
    },
    async (request, reply) => {
      const issued = await apiKeys.rotate(principalOf(request), request.params.keyId, request.body)
      return reply
        .code(201)
        .headers({ 'cache-control': 'no-store', location: `/api/v1/keys/${issued.id}` })
        .send(issued)
    },
  )

  app.post(
    '/keys/:keyId/revoke',
    {
      config,
      schema: {
        ...common,
        summary: 'End an API key for good; it stays in the list',
        params: path,
        response: { 200: keySchema, ...failures, ...missing },
      },
    },
    (request) => apiKeys.revoke(principalOf(request), request.params.keyId),
  )

  app.delete(
    '/keys/:keyId',
    {
      config,
      schema: {
        ...common,
        summary: 'End an API key and forget it',
        params: path,
        response: { 204: z.null(), ...failures, ...missing },
      },
    },
    async (request, reply) => {
      await apiKeys.remove(principalOf(request), request.params.keyId)
      return reply.code(204).send(null)
    },
  )
}
