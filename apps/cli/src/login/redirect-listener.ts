import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** What the authorization server sent back by way of the browser. */
export interface RedirectAnswer {
  readonly state: string
  readonly code?: string | undefined
  readonly error?: string | undefined
  readonly iss?: string | undefined
}

const PATH = '/callback'
const MAX_VALUE_LENGTH = 4096

const page = (title: string, text: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>` +
  `<body style="font: 16px system-ui; margin: 4em auto; max-width: 32em"><h1>${title}</h1><p>${text}</p></body></html>`

/** A port of this machine to which a browser comes back after a login (RFC 8252, section 7.3). */
export class RedirectListener implements AsyncDisposable {
  readonly #http = createServer((request, response) => this.#answer(request, response))
  readonly #answers = Promise.withResolvers<RedirectAnswer>()
  #expectedState: string | undefined

  /** Begins to listen on a free port of 127.0.0.1, and gives the redirect URI. */
  async start(): Promise<string> {
    this.#http.listen(0, '127.0.0.1')
    await once(this.#http, 'listening')
    const address = this.#http.address()
    if (address === null || typeof address === 'string') throw new Error('the listener has no port')
    return `http://127.0.0.1:${address.port}${PATH}`
  }

  /**
   * Waits for the answer that belongs to `state`; whatever else comes is turned away and changes nothing.
   *
   * @returns undefined when time is up.
   */
  async answerTo(state: string, timeoutMs: number): Promise<RedirectAnswer | undefined> {
    this.#expectedState = state
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), timeoutMs)
    })
    try {
      return await Promise.race([this.#answers.promise, timeout])
    } finally {
      clearTimeout(timer)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#http.listening) return
    this.#http.close()
    this.#http.closeIdleConnections()
    const cut = setTimeout(() => this.#http.closeAllConnections(), 500)
    await once(this.#http, 'close')
    clearTimeout(cut)
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = URL.parse(request.url ?? '', 'http://127.0.0.1')
    const valueOf = (name: string): string | undefined =>
      url?.searchParams.get(name)?.slice(0, MAX_VALUE_LENGTH) ?? undefined
    const state = valueOf('state')
    if (request.method !== 'GET' || url?.pathname !== PATH) return send(response, 404, page('Not here', ''))
    if (state === undefined || state !== this.#expectedState)
      return send(response, 400, page('Not this login', 'Begin again in the terminal.'))
    this.#answers.resolve({ state, code: valueOf('code'), error: valueOf('error'), iss: valueOf('iss') })
    return send(response, 200, page('Back to the terminal', 'You can close this page.'))
  }
}

const send = (response: ServerResponse, status: number, body: string): void => {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    connection: 'close',
  })
  response.end(body)
}
