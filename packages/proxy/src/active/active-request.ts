import { performance } from 'node:perf_hooks'

import type { Principal } from '@mreg/core'

/** How far a request is: read and routed, sent to its server, or answered in parts. */
export type RequestPhase = 'routing' | 'waiting' | 'answering'

/** What is to be known of a request at its start. */
export interface ActiveRequestFields {
  /** Finds it in the log; unique. */
  readonly id: string
  readonly principal: Principal
  /** The slug of the server that the path names; undefined: all of them. */
  readonly server: string | undefined
  /** The HTTP method, until more is known. */
  readonly method: string
  /** What its own signal hangs on; aborted when it is cancelled. */
  readonly controller: AbortController
}

/** One request of a client while it is answered. Whoever handles it writes down how far it is: plain fields, nothing else. */
export class ActiveRequest {
  readonly id: string
  readonly principal: Principal
  /** In milliseconds of `performance.now`. */
  readonly startedAt: number = performance.now()
  server: string | undefined
  /** The JSON-RPC method, once it is read; the HTTP method of what has none. */
  method: string
  /** The tool that is called; its arguments are nobody's business. */
  tool: string | undefined
  /** The endpoint that it was sent to last. */
  endpointId: string | undefined
  phase: RequestPhase = 'routing'
  /**
   * Tells the server that nobody wants the answer, where closing the connection does not say so. Called once, before the
   * connection is closed. undefined: closing is enough.
   */
  tellServer: ((reason: string) => Promise<void>) | undefined
  /** Why it was cancelled; undefined: it was not. */
  cancelReason: string | undefined
  readonly #controller: AbortController
  #cut: AbortController | undefined

  constructor({ controller, id, method, principal, server }: ActiveRequestFields) {
    this.id = id
    this.principal = principal
    this.server = server
    this.method = method
    this.#controller = controller
  }

  /** Aborted when it is cancelled, and only then: for requests that go on when their client has gone. */
  get cut(): AbortSignal {
    this.#cut ??= new AbortController()
    return this.#cut.signal
  }

  /** Ends it for everybody: the server is told, and the client gets an error. Again: nothing. */
  async cancel(reason: string): Promise<void> {
    if (this.cancelReason !== undefined) return
    this.cancelReason = reason
    try {
      await this.tellServer?.(reason)
    } finally {
      this.#cut?.abort()
      this.#controller.abort()
    }
  }
}
