import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

import { EventLog } from './event-log.ts'
import type { Announcement } from './feature.ts'
import type { Features } from './features.ts'
import { LegacySide } from './legacy-side.ts'

export interface LegacyHttpOptions {
  readonly stateless: boolean
  readonly jsonResponses: boolean
  /** Whether streams have ids and can be gone on with. */
  readonly resumable: boolean
}

/** Streamable HTTP of the legacy era, with sessions or without. */
export class LegacyHttp {
  readonly #features: Features
  readonly #announce: (announcement: Announcement) => void
  readonly #options: LegacyHttpOptions
  readonly #sessions = new Map<
    string,
    { readonly transport: StreamableHTTPServerTransport; readonly side: LegacySide }
  >()

  constructor(
    features: Features,
    announce: (announcement: Announcement) => void,
    options: LegacyHttpOptions,
  ) {
    this.#features = features
    this.#announce = announce
    this.#options = options
  }

  get sessionIds(): readonly string[] {
    return [...this.#sessions.keys()]
  }

  async handle(request: IncomingMessage, response: ServerResponse, body: unknown): Promise<void> {
    const sessionId = request.headers['mcp-session-id']
    const known = typeof sessionId === 'string' ? this.#sessions.get(sessionId) : undefined
    if (sessionId !== undefined && known === undefined && !this.#options.stateless) {
      const error = { code: -32_001, message: 'Session not found' }
      response.writeHead(404, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }))
      return
    }
    const transport = known?.transport ?? (await this.#open())
    // A transport without a session serves this one request only.
    response.once('close', () => {
      if (transport.sessionId === undefined) void transport.close()
    })
    await transport.handleRequest(request, response, body)
  }

  async hear(announcement: Announcement): Promise<void> {
    for (const { side } of this.#sessions.values()) await side.hear(announcement)
  }

  /** Forgets all sessions, as a restart does. */
  async forgetSessions(): Promise<void> {
    const sessions = [...this.#sessions.values()]
    this.#sessions.clear()
    await Promise.all(sessions.map(({ side }) => side.close()))
  }

  async #open(): Promise<StreamableHTTPServerTransport> {
    const side = new LegacySide(this.#features, this.#announce)
    const { stateless, jsonResponses, resumable } = this.#options
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      enableJsonResponse: jsonResponses,
      ...(stateless
        ? {}
        : {
            sessionIdGenerator: randomUUID,
            onsessioninitialized: (id: string) => void this.#sessions.set(id, { transport, side }),
            onsessionclosed: (id: string) => void this.#sessions.delete(id),
            ...(resumable ? { eventStore: new EventLog(), retryInterval: 50 } : {}),
          }),
    })
    await side.connect(transport)
    return transport
  }
}
