import { type Authenticator, clientMetadata, type UpstreamLogins } from '@mreg/access'
import { CLIENT_METADATA_PATH } from '@mreg/composition'
import { NotFoundError, type Settings } from '@mreg/core'
import type { Registry } from '@mreg/registry'
import type { FastifyPluginAsync } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

import { principalOf, requireCaller } from '../principal.ts'
import { problemSchema, serverSchema } from './schemas.ts'

export interface LoginRoutesOptions {
  readonly authenticator: Authenticator
  readonly registry: Registry
  readonly logins: UpstreamLogins
}

const path = z.object({ idOrSlug: z.string().min(1).max(64) })
const loginPath = path.extend({ loginId: z.string().min(1).max(64) })

const beginSchema = z.strictObject({
  redirectUri: z
    .string()
    .max(256)
    .describe(
      'Where the browser comes back to: a port of your machine, such as http://127.0.0.1:40123/callback.',
    ),
  clientId: z
    .string()
    .min(1)
    .max(2048)
    .optional()
    .describe('A client that was registered by hand with the authorization server.'),
  clientSecret: z
    .string()
    .min(1)
    .max(2048)
    .optional()
    .describe('The secret of that client, if it has one. Kept encrypted, and never shown again.'),
})

const begunSchema = z.object({
  authorizationUrl: z.string().describe('What the person opens in a browser.'),
  loginId: z.string(),
  expiresAt: z.iso.datetime(),
})

const answerSchema = z.strictObject({
  state: z.string().max(512),
  code: z.string().max(4096).optional(),
  error: z.string().max(256).optional().describe('What came back in place of a code.'),
  iss: z.string().max(2048).optional().describe('Who answered (RFC 9207).'),
})

const failures = {
  400: problemSchema,
  401: problemSchema,
  403: problemSchema,
  404: problemSchema,
  409: problemSchema,
  503: problemSchema,
}
const common = { tags: ['servers'], security: [{ key: [] }] }

/** `/api/v1/servers/{idOrSlug}/login`: the gateway logs in for a server, as an OAuth client. */
export const loginRoutes: FastifyPluginAsyncZod<LoginRoutesOptions> = async (
  app,
  { authenticator, registry, logins },
) => {
  requireCaller(app, authenticator)

  app.post(
    '/servers/:idOrSlug/login',
    {
      config: { role: 'user' },
      schema: {
        ...common,
        summary: 'Begin to log in for a server',
        params: path,
        body: beginSchema,
        response: { 201: begunSchema, ...failures },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request)
      const begun = await logins.begin(principal, request.params.idOrSlug, request.body)
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...begun, expiresAt: begun.expiresAt.toISOString() })
    },
  )

  app.post(
    '/servers/:idOrSlug/login/:loginId',
    {
      config: { role: 'user' },
      schema: {
        ...common,
        summary: 'Finish a login with what the browser brought back',
        params: loginPath,
        body: answerSchema,
        response: { 200: serverSchema, ...failures },
      },
    },
    async (request) => {
      const principal = principalOf(request)
      const { idOrSlug, loginId } = request.params
      const serverId = await logins.finish(principal, idOrSlug, loginId, request.body)
      // Whoever logged in for itself alone may not ask how the server is doing for everybody.
      return principal.role === 'operator' || principal.role === 'admin'
        ? registry.probe(principal, serverId)
        : registry.get(principal, serverId)
    },
  )

  app.delete(
    '/servers/:idOrSlug/login',
    {
      config: { role: 'user' },
      schema: {
        ...common,
        summary: 'Forget the login of a server',
        params: path,
        response: { 204: z.null(), ...failures },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request)
      const isForgotten = await logins.forget(principal, request.params.idOrSlug)
      if (isForgotten) await registry.probe(principal, request.params.idOrSlug)
      return reply.code(204).send(null)
    },
  )
}

/** What the gateway says of itself to authorization servers, where it has a public https address. */
export const clientMetadataRoute: FastifyPluginAsync<{ readonly settings: Settings }> = async (
  app,
  { settings: { listen } },
) => {
  app.get(CLIENT_METADATA_PATH, { schema: { hide: true } }, async (_request, reply) => {
    const { publicUrl } = listen
    if (publicUrl?.protocol !== 'https:')
      throw new NotFoundError('no_such_path', 'the gateway has no public https address')
    const document = {
      client_id: `${publicUrl.href.replace(/\/$/u, '')}${CLIENT_METADATA_PATH}`,
      client_uri: publicUrl.href,
      // A loopback redirect matches with any port (RFC 8252, section 7.3).
      ...clientMetadata(['http://127.0.0.1/callback', 'http://[::1]/callback']),
    }
    return reply
      .type('application/json')
      .header('cache-control', 'max-age=3600')
      .send(JSON.stringify(document))
  })
}
