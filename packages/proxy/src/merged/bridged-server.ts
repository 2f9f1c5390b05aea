import { randomUUID } from 'node:crypto'

import { HEADER, scanMessage } from '@mreg/mcp-wire'

import type { ModernServer } from '../bridge/to-modern/modern-server.ts'
import type { Exchange } from '../exchange.ts'
import { replyOf } from './inner-answer.ts'
import type { MergedServer } from './merged-server.ts'

/** The merged server, or a toolset of it, for the bridge, on behalf of one principal. */
export class BridgedServer implements ModernServer {
  readonly #server: MergedServer
  readonly #asked: Pick<Exchange, 'principal' | 'slug' | 'toolset' | 'toolMode'>

  constructor(server: MergedServer, { principal, slug, toolset, toolMode }: Exchange) {
    this.#server = server
    this.#asked = { principal, slug, toolset, toolMode }
  }

  /** On whose behalf it is asked. */
  get principal(): Exchange['principal'] {
    return this.#asked.principal
  }

  readonly send: ModernServer['send'] = async ({ message, headers = [], protocolVersion, signal }) => {
    const cancelled = new AbortController()
    const named = new Map<string, string>([
      ['content-type', 'application/json'],
      ['accept', 'application/json, text/event-stream'],
      ...(protocolVersion === undefined ? [] : [[HEADER.protocolVersion, protocolVersion] as const]),
      ...headers,
    ])
    const exchange: Exchange = {
      ...this.#asked,
      method: 'POST',
      header: (name) => named.get(name),
      headerNames: [...named.keys()],
      body: message,
      requestId: randomUUID(),
      signal: signal === undefined ? cancelled.signal : AbortSignal.any([signal, cancelled.signal]),
    }
    const answer = await this.#server.respond(exchange, scanMessage(message))
    return replyOf(answer, () => cancelled.abort())
  }
}
