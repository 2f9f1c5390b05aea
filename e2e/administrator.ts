import type { GatewayProcess } from '@mreg/testing'

import { exchange, type HttpAnswer } from './http-exchange.ts'

/** What an administrator does over the API of a running gateway, with the key from its data directory. */
export class Administrator {
  readonly #gateway: Pick<GatewayProcess, 'url' | 'adminKey'>

  constructor(gateway: Pick<GatewayProcess, 'url' | 'adminKey'>) {
    this.#gateway = gateway
  }

  /** Any request to the API. */
  send(method: string, path: string, body?: unknown): Promise<HttpAnswer> {
    return exchange(`${this.#gateway.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#gateway.adminKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  }

  /** Registers a server with one endpoint. */
  register(slug: string, url: string, more: object = {}): Promise<HttpAnswer> {
    return this.send('POST', '/servers', {
      slug,
      endpoints: [{ transport: 'streamable-http', url }],
      ...more,
    })
  }

  /** The slugs of all registered servers, in alphabetical order. */
  async slugs(): Promise<string[]> {
    const { json } = await this.send('GET', '/servers')
    if (!isList(json)) throw new Error(`not a list of servers: ${JSON.stringify(json)}`)
    return json.items.map(({ slug }) => slug).toSorted()
  }
}

function isList(value: unknown): value is { items: { slug: string }[] } {
  return typeof value === 'object' && value !== null && 'items' in value && Array.isArray(value.items)
}
