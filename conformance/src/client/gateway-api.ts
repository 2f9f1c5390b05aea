/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>

const REDIRECT_URI = 'http://127.0.0.1/callback'

/** What an administrator does at the gateway before a client can use a server through it. */
export class GatewayApi {
  readonly #url: string
  readonly #key: string
  readonly #client: Json

  /** @param client - the OAuth client that was registered beforehand; empty: none */
  constructor(url: string, key: string, client: Json = {}) {
    this.#url = url
    this.#key = key
    this.#client = client
  }

  /** Registers a server, logs in where it wants that, and gives its URL behind the gateway. */
  async serve(slug: string, url: string): Promise<string> {
    await this.#send('POST', '/servers', { slug, endpoints: [{ transport: 'streamable-http', url }] })
    await this.logInWhereNeeded(slug)
    return `${this.#url}/mcp/${slug}`
  }

  /** Takes a server out: the gateway ends what it has open with it. */
  async forget(slug: string): Promise<void> {
    await this.#send('DELETE', `/servers/${slug}`)
  }

  /** Logs in, as a person at a browser does, if the server wants that. Gives whether it did. */
  async logInWhereNeeded(slug: string): Promise<boolean> {
    const { status } = await this.#send('POST', `/servers/${slug}/probe`)
    if (status === 'needs_login') await this.logIn(slug)
    return status === 'needs_login'
  }

  /** Logs in, again if that was done before. */
  async logIn(slug: string): Promise<void> {
    const begun = await this.#send('POST', `/servers/${slug}/login`, {
      redirectUri: REDIRECT_URI,
      ...this.#client,
    })
    const answer = await this.#consent(String(begun['authorizationUrl']))
    await this.#send('POST', `/servers/${slug}/login/${String(begun['loginId'])}`, answer)
  }

  /** Goes where the authorization server leads, until that is back to us. */
  async #consent(authorizationUrl: string): Promise<Json> {
    let next = new URL(authorizationUrl)
    for (let hop = 0; hop < 10; hop += 1) {
      const response = await fetch(next, { redirect: 'manual' })
      const location = response.headers.get('location')
      if (location === null) throw new Error(`the authorization server answered ${response.status}`)
      next = new URL(location, next)
      if (next.href.startsWith(REDIRECT_URI)) return Object.fromEntries(next.searchParams)
    }
    throw new Error('the authorization server does not lead back')
  }

  async #send(method: string, path: string, body?: Json): Promise<Json> {
    const response = await fetch(`${this.#url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} gave ${response.status}: ${answer}`)
    return answer === '' ? {} : JSON.parse(answer)
  }
}
