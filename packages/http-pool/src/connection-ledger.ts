import type { Duplex } from 'node:stream'

import { IdleConnections, type IdleMember } from './idle-connections.ts'

/** What is known of one open connection. */
export interface ConnectionRecord extends IdleMember {
  readonly origin: string
  /** The handshake is over: bytes written now go out. */
  ready: boolean
  /** It has carried a request before. */
  used: boolean
  /** How long the peer last said that it keeps it when idle (`Infinity`: it did not say). Undefined: nobody looked. */
  peerKeepAliveMs: number | undefined
  readonly connections: OriginConnections
}

interface OriginConnections {
  open: number
  idle: number
}

/** The book of open connections: counted when a socket is made and when it closes, whoever uses it. */
export class ConnectionLedger {
  readonly #records = new WeakMap<Duplex, ConnectionRecord>()
  readonly #origins = new Map<string, OriginConnections>()
  readonly #idle = new IdleConnections<ConnectionRecord>((record) => this.#evict(record))
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
    const connections = this.#origins.get(origin) ?? { open: 0, idle: 0 }
    const record: ConnectionRecord = {
      origin,
      socket,
      ready: false,
      used: false,
      peerKeepAliveMs: undefined,
      connections,
      expiresAtMs: undefined,
      older: undefined,
      newer: undefined,
    }
    this.#records.set(socket, record)
    this.#origins.set(origin, connections)
    connections.open += 1
    this.#open += 1
    socket.once(readyEvent, () => {
      record.ready = true
    })
    socket.once('close', () => {
      this.#forgetIdle(record)
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

  /** Nobody uses it any more; it is closed when that has been so for `idleMs`. */
  parked(record: ConnectionRecord, idleMs: number): void {
    record.used = true
    if (this.#idle.add(record, idleMs)) record.connections.idle += 1
  }

  reused(socket: Duplex): void {
    const record = this.#records.get(socket)
    if (record === undefined) return
    this.#forgetIdle(record)
    // The next response may say otherwise.
    record.peerKeepAliveMs = undefined
  }

  /** Closes the connection that has been idle for longest. */
  evictOldestIdle(): void {
    const { oldest } = this.#idle
    if (oldest !== undefined) this.#evict(oldest)
  }

  /** Closes idle connections: those to `origin`, or all. */
  evictIdle(origin?: string): void {
    for (const record of this.#idle.members()) {
      if (origin === undefined || record.origin === origin) this.#evict(record)
    }
  }

  /** Resolves when no connection is open. */
  whenEmpty(): Promise<void> {
    if (this.#open === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onEmpty.push(resolve)
    })
  }

  #evict(record: ConnectionRecord): void {
    this.#forgetIdle(record)
    record.socket.destroy()
  }

  #forgetIdle(record: ConnectionRecord): void {
    if (this.#idle.delete(record)) record.connections.idle -= 1
  }
}
