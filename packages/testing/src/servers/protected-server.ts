import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'

import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

import type { AuthorizationServer } from './authorization-server.ts'
import { createFixtureMcpServer } from './fixture-tools.ts'

/** How a protected server behaves. */
export interface ProtectedServerOptions {
  readonly authorizationServer: Pick<AuthorizationServer, 'issuer' | 'verify'>
  /** The metadata that it publishes of itself (RFC 9728), if not the right one. */
  readonly resourceMetadata?: Readonly<Record<string, unknown>> | undefined
  /** The scopes that it wants, read anew for each request. Default `mcp:use`. */
  readonly scopes?: readonly string[] | undefined
  /** Names of tools that it has for the holder of a token, besides those that all have. Default none. */
  readonly toolsFor?: ((token: string) => readonly string[]) | undefined
  /** Whether its challenge says where that metadata is. Default true. */
  readonly challengeSaysWhere?: boolean | undefined
}

/** An MCP server on the official SDK that wants an access token of an authorization server, for itself. */
export interface ProtectedServer extends AsyncDisposable {
  readonly url: string
  /** The `Authorization` of every request to the MCP endpoint, in order. */
  readonly authorizations: readonly (string | undefined)[]
  /** Idempotent. */
  stop(): Promise<void>
}

/** Starts a protected server on a free port of 127.0.0.1. */
export async function startProtectedServer(options: ProtectedServerOptions): Promise<ProtectedServer> {
  const { authorizationServer, challengeSaysWhere = true, scopes = ['mcp:use'] } = options
  const authorizations: (string | undefined)[] = []
  const app = createMcpExpressApp()
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an Express app is one
  const http = createServer(app as unknown as RequestListener)
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  const origin = `http://127.0.0.1:${address.port}`
  const url = `${origin}/mcp`

  const metadata = {
    resource: url,
    authorization_servers: [authorizationServer.issuer],
    scopes_supported: scopes,
    bearer_methods_supported: ['header'],
    ...options.resourceMetadata,
  }
  app.get('/.well-known/oauth-protected-resource/mcp', (_request, response) => {
    response.json(metadata)
  })
  app.use('/mcp', (request, _response, next) => {
    authorizations.push(request.headers.authorization)
    next()
  })
  app.use('/mcp', (request, response, next) => {
    const authenticate = requireBearerAuth({
      requiredScopes: [...scopes],
      ...(challengeSaysWhere
        ? { resourceMetadataUrl: `${origin}/.well-known/oauth-protected-resource/mcp` }
        : {}),
      verifier: {
        verifyAccessToken: async (token) => {
          const facts = await authorizationServer.verify(token)
          if (facts === undefined) throw new InvalidTokenError('the token is not known or has expired')
          if (facts.audience !== url) throw new InvalidTokenError('the token is for another server')
          return { token, clientId: facts.clientId, scopes: [...facts.scopes], expiresAt: facts.expiresAt }
        },
      },
    })
    authenticate(request, response, next)
  })
  app.all('/mcp', async (request, response) => {
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
    const server = createFixtureMcpServer('protected', {
      record: () => {},
      released: () => Promise.resolve(),
    })
    const token = request.headers.authorization?.replace(/^Bearer /u, '') ?? ''
    for (const name of options.toolsFor?.(token) ?? [])
      server.registerTool(name, {}, () => ({ content: [{ type: 'text', text: `${name} was called` }] }))
    response.once('close', () => void transport.close())
    await server.connect(transport)
    await transport.handleRequest(request, response, request.body)
  })

  const stop = async (): Promise<void> => {
    if (!http.listening) return
    http.close()
    http.closeAllConnections()
    await once(http, 'close')
  }
  return { url, authorizations, stop, [Symbol.asyncDispose]: stop }
}
