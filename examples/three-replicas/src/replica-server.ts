import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { setTimeout } from 'node:timers/promises'

/** How a replica behaves at the moment. `lies`: status 200 with an answer to something that nobody asked. */
export type Mood = 'well' | 'slow' | 'lies'

/** An HTTP service on loopback that tells the price of an article, and counts what reaches it. */
export class ReplicaServer implements AsyncDisposable {
  readonly name: string
  readonly #server: Server
  readonly #closing = new AbortController()
  mood: Mood = 'well'
  requests = 0
  #port = 0

  constructor(name: string) {
    this.name = name
    this.#server = createServer(async (request, response) => {
      this.requests += 1
      const article = request.url?.split('/').at(-1)
      const latencyMs = this.mood === 'slow' ? 400 : 5
      await setTimeout(latencyMs, undefined, { signal: this.#closing.signal }).catch(() => {})
      response.setHeader('content-type', 'application/json')
      const honest = { article, price: Number(article) * 2, by: this.name }
      response.end(
        JSON.stringify(this.mood === 'lies' ? { article: 'another', price: 0, by: this.name } : honest),
      )
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Listens: on a free port, or where it did before. */
  async start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject).listen(this.#port, '127.0.0.1', resolve)
    await promise
    const address = this.#server.address()
    assert(typeof address === 'object' && address !== null)
    this.#port = address.port
  }

  /** Stops as a process does that is killed: connections break, new ones are refused. */
  async kill(): Promise<void> {
    if (!this.#server.listening) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    this.#server.closeAllConnections()
    await promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.kill()
  }
}
