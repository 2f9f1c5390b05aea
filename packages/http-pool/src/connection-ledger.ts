import type { Duplex } from 'node:stream'

/** What is known of one open connection. */
export interface ConnectionRecord {
  readonly origin: string
  /** What requests are sent on: the socket itself, or TLS over it. */
  socket: Duplex
  /** The handshake is over: bytes written now go out. */
  ready: boolean
  /** It has carried a request before. */
  used: boolean
  /** How long the peer last said that it keeps it when idle (`Infinity`: it did not say). Undefined: nobody looked. */
  peerKeepAliveMs: number | undefined
}

interface OriginConnections {
  open: number
  idle: number
}

/** The book of open connections: counted when a socket is made and when it closes, whoever uses it. */
export class ConnectionLedger {
  readonly #records = new WeakMap<Duplex, ConnectionRecord>()
  readonly #origins = new Map<string, OriginConnections>()
  /** Oldest first. */
  readonly #idle = new Set<Duplex>()
  #open = 0
  #onEmpty: (() => void)[] = []

  get open(): number {
    return this.#open
  }

  get idle(): number {
    return this.#idle.size
  }

  get origins(): ReadonlyMap<string, Readonly<OriginConnections>> {
    return this.#origins
  }

  /** Enters a new socket; it leaves the book when it closes. */
  opened(socket: Duplex, origin: string, readyEvent: 'connect' | 'secureConnect'): void {
    const record: ConnectionRecord = {
      origin,
      socket,
      ready: false,
      used: false,
      peerKeepAliveMs: undefined,
    }
    this.#records.set(socket, record)
    const connections = this.#origins.get(origin) ?? { open: 0, idle: 0 }
    this.#origins.set(origin, connections)
    connections.open += 1
    this.#open += 1
    socket.once(readyEvent, () => {
      record.ready = true
    })
    socket.once('close', () => {
      this.#forgetIdle(record.socket, record)
      connections.open -= 1
      this.#open -= 1
      if (connections.open === 0) this.#origins.delete(origin)
      if (this.#open === 0) for (const notify of this.#onEmpty.splice(0)) notify()
    })
  }

  /** From now on requests are sent on `outer`, which is ready and closes with `socket`. */
  wrapped(socket: Duplex, outer: Duplex): void {
    const record = this.#records.get(socket)
    if (record === undefined) return
    record.socket = outer
    record.ready = true
    this.#records.set(outer, record)
  }

  record(socket: Duplex): ConnectionRecord | undefined {
    return this.#records.get(socket)
  }

  parked(socket: Duplex): void {
    const record = this.#records.get(socket)
    const connections = record === undefined ? undefined : this.#origins.get(record.origin)
    if (record === undefined || connections === undefined || this.#idle.has(socket)) return
    record.used = true
    this.#idle.add(socket)
    connections.idle += 1
  }

  reused(socket: Duplex): void {
    const record = this.#records.get(socket)
    if (record !== undefined) this.#forgetIdle(socket, record)
  }

  /** Closes the connection that has been idle for longest. */
  evictOldestIdle(): void {
    const [oldest] = this.#idle
    if (oldest !== undefined) this.#evict(oldest)
  }

  /** Closes idle connections: those to `origin`, or all. */
  evictIdle(origin?: string): void {
    for (const socket of this.#idle) {
      if (origin === undefined || this.#records.get(socket)?.origin === origin) this.#evict(socket)
    }
  }

  /** Resolves when no connection is open. */
  whenEmpty(): Promise<void> {
    if (this.#open === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onEmpty.push(resolve)
    })
  }

  #evict(socket: Duplex): void {
    const record = this.#records.get(socket)
    if (record !== undefined) this.#forgetIdle(socket, record)
    socket.destroy()
  }

  #forgetIdle(socket: Duplex, record: ConnectionRecord): void {
    if (!this.#idle.delete(socket)) return
    const connections = this.#origins.get(record.origin)
    if (connections !== undefined) connections.idle -= 1
  }
}
