import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'

import { compactToken, createSigningKey, type SigningKey } from './signing-key.ts'

/** Where a provider says what it is: RFC 8414, or OpenID Connect alone. */
export type Discovery = 'oauth' | 'oidc'

export interface IdentityProviderOptions {
  /** Default `oidc`. */
  readonly discovery?: Discovery | undefined
  /** Of its issuer, such as `/realms/a`. Default none. */
  readonly path?: string | undefined
}

/** What identifies who asks for keys and gives tokens: no logins, but any token that a test wants. On 127.0.0.1. */
export interface IdentityProvider extends AsyncDisposable {
  readonly issuer: string
  /** Paths that were asked for, in order. */
  readonly requests: readonly string[]
  /** The key that tokens are signed with. */
  readonly key: SigningKey
  /** Publishes these keys from now on, and signs with the first. */
  publish(...keys: readonly SigningKey[]): void
  /** Answers everything so from now on; undefined: as it should. */
  answer(handler: ((path: string, response: ServerResponse) => void) | undefined): void
  /** A token that is good for a minute, with these claims over its own. A claim that is undefined is left out. */
  token(claims?: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): string
  /** Stops answering for good. Idempotent. */
  stop(): Promise<void>
}

/** Starts one on a free port. */
export async function startIdentityProvider({
  discovery = 'oidc',
  path = '',
}: IdentityProviderOptions = {}): Promise<IdentityProvider> {
  const requests: string[] = []
  let keys: readonly SigningKey[] = [createSigningKey('first')]
  let handler: ((path: string, response: ServerResponse) => void) | undefined
  const http = createServer((request, response) => {
    const asked = request.url ?? '/'
    requests.push(asked)
    if (handler !== undefined) return handler(asked, response)
    const content = documents()[asked]
    response.writeHead(content === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(content ?? { error: 'not_found' }))
    return undefined
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  const origin = `http://127.0.0.1:${address.port}`
  const issuer = `${origin}${path}`

  const documents = (): Readonly<Record<string, unknown>> => ({
    [discovery === 'oidc'
      ? `${path}/.well-known/openid-configuration`
      : `/.well-known/oauth-authorization-server${path}`]: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${origin}/keys`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
    },
    '/keys': { keys: keys.map(({ jwk }) => jwk) },
  })
  const first = (): SigningKey => {
    const [key] = keys
    if (key === undefined) throw new Error('no key is published')
    return key
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
    get key() {
      return first()
    },
    publish: (...published) => {
      keys = published
    },
    answer: (next) => {
      handler = next
    },
    token: (claims = {}, header = {}) => {
      const now = Math.floor(Date.now() / 1000)
      const { algorithm: alg, kid, sign } = first()
      return compactToken(
        { alg, kid, typ: 'at+jwt', ...header },
        { iss: issuer, sub: 'ann', iat: now, exp: now + 60, ...claims },
        sign,
      )
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
