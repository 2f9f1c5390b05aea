import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import { Provider } from 'oidc-provider'

import { configuration, SCOPES } from './authorization-server-configuration.ts'

/** How an authorization server behaves. */
export interface AuthorizationServerOptions {
  /** Whether clients may register themselves (RFC 7591). Default true. */
  readonly registration?: boolean | undefined
  /** Clients that are known from the start; public, with these redirect URIs. */
  readonly clients?:
    | readonly { readonly clientId: string; readonly redirectUris: readonly string[] }[]
    | undefined
  /** How long an access token is good, in seconds. Default 3600. */
  readonly accessTokenSeconds?: number | undefined
  /**
   * What access tokens say besides who and for whom, read anew for each: they are then signed (JWT, RFC 9068). Default: they say
   * nothing, and only this server knows what they are good for.
   */
  readonly tokenClaims?: (() => Readonly<Record<string, unknown>>) | undefined
  /** How the server is reached when something is in front of it. Default its own address. */
  readonly issuer?: string | undefined
  /** Where it listens on 127.0.0.1. Default a free port. */
  readonly port?: number | undefined
  /** Changes the metadata before it is published. */
  readonly metadata?: ((metadata: Record<string, unknown>) => Record<string, unknown>) | undefined
}

/** What an access token is good for. */
export interface TokenFacts {
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly audience: string
  /** In seconds since 1970. */
  readonly expiresAt: number
}

/** A request that the authorization server got. */
export interface AuthorizationServerRequest {
  readonly method: string
  readonly path: string
  readonly parameters: Readonly<Record<string, string>>
}

/** A real OAuth 2.1 authorization server on 127.0.0.1: PKCE, resource indicators, registration, rotation, RFC 9207. */
export interface AuthorizationServer extends AsyncDisposable {
  readonly issuer: string
  /** Requests to the token endpoint, registrations and authorizations, in order. */
  readonly requests: readonly AuthorizationServerRequest[]
  /** Every access and refresh token that was given out. */
  readonly tokens: readonly string[]
  /** Is the person at the browser: logs in, consents, and gives the redirect that leads back to the client. */
  consent(authorizationUrl: string): Promise<URL>
  /** What a token is good for; undefined when it is not known, expired or revoked. */
  verify(accessToken: string): Promise<TokenFacts | undefined>
  /** Makes every token that was given out worthless. */
  revokeAll(): Promise<void>
  /** Makes the access tokens worthless and leaves the refresh tokens. */
  expireAccessTokens(): Promise<void>
  /** Idempotent. */
  stop(): Promise<void>
}

/** Starts an authorization server on a free port. */
export async function startAuthorizationServer(
  options: AuthorizationServerOptions = {},
): Promise<AuthorizationServer> {
  const { registration = true, clients = [], accessTokenSeconds = 3600, metadata = (same) => same } = options
  const { port = 0, tokenClaims } = options
  const requests: AuthorizationServerRequest[] = []
  const tokens: string[] = []

  const http = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500)
      response.end(String(error))
    })
  })
  http.listen(port, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  const own = `http://127.0.0.1:${address.port}`
  const issuer = options.issuer ?? own
  const provider = new Provider(
    issuer,
    configuration({ registration, clients, accessTokenSeconds, tokenClaims }),
  )
  // What is in front says how it was reached.
  provider.proxy = issuer !== own
  provider.on('access_token.saved', ({ jti }) => void tokens.push(jti))
  provider.on('refresh_token.saved', ({ jti }) => void tokens.push(jti))
  const callback = provider.callback()

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', issuer)
    const { pathname } = url
    if (pathname === '/.well-known/oauth-authorization-server') {
      const published = await fetch(`${own}/.well-known/openid-configuration`, {
        headers: forwarded(issuer),
      })
      const body: Record<string, unknown> = JSON.parse(await published.text())
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(metadata(body)))
      return
    }
    if (['/token', '/reg', '/auth'].includes(pathname)) {
      const body = await readBody(request)
      requests.push({
        method: request.method ?? '',
        path: pathname,
        parameters: Object.fromEntries([...url.searchParams, ...bodyParameters(body, request)]),
      })
      // The provider takes a body that was read already.
      Object.assign(request, { body })
    }
    await callback(request, response)
  }

  const consent = async (authorizationUrl: string): Promise<URL> => {
    const cookies = new Map<string, string>()
    let next = new URL(authorizationUrl)
    for (let hop = 0; hop < 12; hop += 1) {
      const interaction = /^\/interaction\/([\w-]+)$/u.exec(next.pathname)?.[1]
      const location =
        interaction === undefined
          ? await visit(next, cookies)
          : await finishInteraction(provider, interaction)
      next = new URL(location, next)
      if (next.origin !== issuer) return next
    }
    throw new Error('the authorization server did not lead back to the client')
  }

  const verify = async (accessToken: string): Promise<TokenFacts | undefined> => {
    const found = await provider.AccessToken.find(accessToken)
    if (found === undefined || found.isExpired) return undefined
    return {
      clientId: found.clientId ?? '',
      scopes: [...found.scopes],
      audience: String(found.aud ?? ''),
      expiresAt: found.exp ?? 0,
    }
  }
  const expireAccessTokens = async (): Promise<void> => {
    for (const token of tokens) await (await provider.AccessToken.find(token))?.destroy()
  }
  const revokeAll = async (): Promise<void> => {
    await expireAccessTokens()
    for (const token of tokens) await (await provider.RefreshToken.find(token))?.destroy()
  }
  const stop = async (): Promise<void> => {
    if (!http.listening) return
    http.close()
    http.closeAllConnections()
    await once(http, 'close')
  }
  return {
    issuer,
    requests,
    tokens,
    consent,
    verify,
    revokeAll,
    expireAccessTokens,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

const forwarded = (issuer: string): Record<string, string> => {
  const { host, protocol } = new URL(issuer)
  return { 'x-forwarded-host': host, 'x-forwarded-proto': protocol.replace(':', '') }
}

/** Logs in and consents to everything that is asked for; gives where that leads. */
const finishInteraction = async (provider: Provider, uid: string): Promise<string> => {
  const interaction = await provider.Interaction.find(uid)
  if (interaction === undefined) throw new Error('there is no such interaction')
  if (interaction.prompt.name === 'login') {
    interaction.result = { login: { accountId: 'ann' } }
  } else {
    const { client_id: clientId, resource, scope } = interaction.params
    const accountId = interaction.session?.accountId ?? 'ann'
    const grant = new provider.Grant({ accountId, clientId: String(clientId) })
    if (typeof scope === 'string' && scope !== '') grant.addOIDCScope(scope)
    if (typeof resource === 'string') grant.addResourceScope(resource, SCOPES)
    interaction.result = { consent: { grantId: await grant.save() } }
  }
  await interaction.save(600)
  return interaction.returnTo
}

/** A request with the cookies of one browser; gives where it redirects to. */
const visit = async (url: URL, cookies: Map<string, string>): Promise<string> => {
  const response = await fetch(url, {
    redirect: 'manual',
    headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
  })
  for (const line of response.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/u.exec(line) ?? []
    if (name === undefined || value === undefined) continue
    if (value === '') cookies.delete(name)
    else cookies.set(name, value)
  }
  const location = response.headers.get('location')
  if (location !== null) return location
  throw new Error(`${url.pathname} answered ${response.status}: ${(await response.text()).slice(0, 500)}`)
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const bodyParameters = (body: string, request: IncomingMessage): [string, string][] => {
  if (request.headers['content-type']?.startsWith('application/json') === true) {
    const parsed: Record<string, unknown> = JSON.parse(body)
    return Object.entries(parsed).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ])
  }
  return [...new URLSearchParams(body)]
}
