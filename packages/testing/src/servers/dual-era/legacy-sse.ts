import type { IncomingMessage, ServerResponse } from 'node:http'

import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'

import type { Announcement } from './feature.ts'
import type { Features } from './features.ts'
import { LegacySide } from './legacy-side.ts'

/** HTTP+SSE, the transport of 2024-11-05: one stream for all that the server says, and an endpoint to post to. */
export class LegacySse {
  readonly #features: Features
  readonly #announce: (announcement: Announcement) => void
  readonly #connections = new Map<
    string,
    { readonly transport: SSEServerTransport; readonly side: LegacySide }
  >()

  constructor(features: Features, announce: (announcement: Announcement) => void) {
    this.#features = features
    this.#announce = announce
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Answers GET with the stream. */
  async open(response: ServerResponse): Promise<void> {
    const transport = new SSEServerTransport('/messages', response)
    const side = new LegacySide(this.#features, this.#announce)
    this.#connections.set(transport.sessionId, { transport, side })
    response.once('close', () => this.#connections.delete(transport.sessionId))
    await side.connect(transport)
  }

  /** Takes a message that was posted. */
  async post(request: IncomingMessage, response: ServerResponse, body: unknown): Promise<void> {
    const sessionId = new URL(request.url ?? '/', 'http://localhost').searchParams.get('sessionId') ?? ''
    const known = this.#connections.get(sessionId)
    if (known === undefined) {
      response.writeHead(404).end('unknown session')
      return
    }
    await known.transport.handlePostMessage(request, response, body)
  }

  async hear(announcement: Announcement): Promise<void> {
    for (const { side } of this.#connections.values()) await side.hear(announcement)
  }

  /** Breaks all streams off. */
  async disconnect(): Promise<void> {
    const connections = [...this.#connections.values()]
    this.#connections.clear()
    await Promise.all(connections.map(({ side }) => side.close()))
  }
}
