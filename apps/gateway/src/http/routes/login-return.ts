import type { UpstreamLogins } from '@mreg/access'
import { LOCAL_PRINCIPAL, MregError } from '@mreg/core'
import type { Registry } from '@mreg/registry'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

/** Where a browser on this machine comes back to after a login that an MCP client was asked to have done. */
export const LOGIN_RETURN_PATH = '/oauth/callback'

export interface LoginReturnRouteOptions {
  readonly registry: Registry
  readonly logins: UpstreamLogins
}

const answerSchema = z.object({
  state: z.string().max(512),
  code: z.string().max(4096).optional(),
  error: z.string().max(256).optional(),
  iss: z.string().max(2048).optional(),
})

/** `/oauth/callback`: for the browser of a person, who is told how it went. The state says which login it is, and is good once. */
export const loginReturnRoute: FastifyPluginAsyncZod<LoginReturnRouteOptions> = async (
  app,
  { registry, logins },
) => {
  app.get(
    LOGIN_RETURN_PATH,
    { schema: { hide: true, querystring: answerSchema } },
    async (request, reply) => {
      // The one page of the gateway: whatever got into it, nothing of it runs or is loaded.
      void reply
        .headers({
          'cache-control': 'no-store',
          'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
          'x-content-type-options': 'nosniff',
        })
        .type('text/html; charset=utf-8')
      try {
        const { tenantId, serverId, slug } = await logins.comeBack(request.query)
        await registry.probe({ ...LOCAL_PRINCIPAL, tenantId, role: 'operator' }, serverId)
        return page(`You are logged in for ${slug}. You may close this window.`)
      } catch (error) {
        if (!MregError.is(error)) throw error
        return reply.code(400).send(page(`The login did not work: ${error.message}.`))
      }
    },
  )
}

const page = (text: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>MCP Registry Gateway</title><p>${escaped(text)}</p></html>\n`

const escaped = (text: string): string =>
  text.replaceAll(/[&<>"']/gu, (character) => `&#${character.charCodeAt(0)};`)
