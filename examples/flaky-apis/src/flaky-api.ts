import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { setTimeout } from 'node:timers/promises'

/** How an API behaves at the moment. `overloaded` says when to come back; `hangs` accepts and does not answer. */
export type Mood = 'well' | 'broken' | 'overloaded' | 'hangs'

/** An HTTP API on loopback whose mood can be set, and which counts what reaches it. */
export class FlakyApi implements AsyncDisposable {
  mood: Mood = 'well'
  requests = 0
  readonly #answer: unknown
  readonly #server: Server
  readonly #closing = new AbortController()

  constructor(answer: unknown) {
    this.#answer = answer
    this.#server = createServer(async (_, response) => {
      this.requests++
      if (this.mood === 'hangs')
        await setTimeout(60_000, undefined, { signal: this.#closing.signal }).catch(() => {})
      if (this.mood === 'overloaded') response.setHeader('retry-after', '3')
      response.statusCode = { well: 200, broken: 500, overloaded: 503, hangs: 504 }[this.mood]
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(this.#answer))
    })
  }

  /** Starts to listen, and gives its address. */
  async start(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject).listen(0, '127.0.0.1', resolve)
    await promise
    const address = this.#server.address()
    assert(typeof address === 'object' && address !== null)
    return `http://127.0.0.1:${address.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    this.#server.closeAllConnections()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    await promise
  }
}
