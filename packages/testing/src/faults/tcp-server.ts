import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'

/** A listener on 127.0.0.1 that can go away and come back on the same port, and that knows its connections. */
export class TcpServer implements AsyncDisposable {
  readonly #onConnection: (socket: Socket) => void
  readonly #allowHalfOpen: boolean
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #port = 0
  #connectionsAccepted = 0

  /**
   * @param onConnection - called with each accepted connection; its errors are already swallowed
   * @param allowHalfOpen - true: a connection whose peer has finished sending stays open for our bytes
   */
  constructor(onConnection: (socket: Socket) => void, allowHalfOpen = false) {
    this.#onConnection = onConnection
    this.#allowHalfOpen = allowHalfOpen
  }

  /** The port; 0 before the first `listen`. */
  get port(): number {
    return this.#port
  }

  /** How many connections were accepted since the start. */
  get connectionsAccepted(): number {
    return this.#connectionsAccepted
  }

  /** How many connections are open now. */
  get connectionsOpen(): number {
    return this.#sockets.size
  }

  /** Listens on `port` (default: the port of last time, or a free one). Without effect when it listens already. */
  async listen(port = this.#port): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer({ allowHalfOpen: this.#allowHalfOpen }, (socket) => this.#accept(socket))
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
    this.#server = server
    this.#port = address.port
  }

  /** Stops listening, so that new connections are refused; open ones stay. Without effect when it does not listen. */
  async refuse(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    // `close` calls back only when the last connection is gone; the port is free at once.
    server.close()
    while (server.listening) await new Promise((resolve) => setImmediate(resolve))
  }

  /** Resets (TCP RST) every open connection. */
  resetConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Stops listening and cuts every connection. Idempotent. */
  async stop(): Promise<void> {
    await this.refuse()
    this.resetConnections()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #accept(socket: Socket): void {
    this.#connectionsAccepted += 1
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.once('close', () => this.#sockets.delete(socket))
    this.#onConnection(socket)
  }
}
