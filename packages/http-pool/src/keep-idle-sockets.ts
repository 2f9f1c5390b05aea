import type { Agent } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import type { ConnectionLedger } from './connection-ledger.ts'
import type { ResolvedHttpPoolOptions } from './http-pool-options.ts'

/** How much earlier than the peer an idle connection is closed, lest a request meet the peer's closing. */
const PEER_CLOSING_MS = 1_000
const TCP_KEEP_ALIVE_MS = 1_000

/** Makes `agent` keep idle connections as the options of the pool say, and enter them in the ledger. */
export const keepIdleSockets = (
  agent: Agent,
  {
    options,
    ledger,
    isOpen,
  }: {
    readonly options: ResolvedHttpPoolOptions
    readonly ledger: ConnectionLedger
    readonly isOpen: () => boolean
  },
): void => {
  // Documented to return whether the socket may be kept; the type declaration says void.
  const keepSocketAlive: (socket: Duplex) => unknown = agent.keepSocketAlive.bind(agent)
  const reuseSocket = agent.reuseSocket.bind(agent)
  agent.keepSocketAlive = (socket): boolean => {
    if (!isOpen() || ledger.idle >= options.maxIdleConnections || options.maxIdleConnectionsPerOrigin === 0) {
      return false
    }
    const peerKeepAliveMs = ledger.record(socket)?.peerKeepAliveMs
    const kept =
      socket instanceof Socket && peerKeepAliveMs !== undefined
        ? park(socket, Math.min(options.keepAliveMs, peerKeepAliveMs - PEER_CLOSING_MS))
        : keepSocketAlive(socket) === true
    if (kept) {
      ledger.parked(socket)
      socket.on('data', closeUnasked)
    }
    return kept
  }
  agent.reuseSocket = (socket, request) => {
    ledger.reused(socket)
    socket.off('data', closeUnasked)
    reuseSocket(socket, request)
  }
}

/** What `Agent.keepSocketAlive` does, without reading the response's head into an object to do it. */
const park = (socket: Socket, idleMs: number): boolean => {
  if (idleMs <= 0) return false
  socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS)
  socket.unref()
  if (socket.timeout !== idleMs) socket.setTimeout(idleMs)
  return true
}

/**
 * Closes an idle connection on which something comes: the next request would take it for its response. Releases of
 * Node.js after CVE-2026-48931 do so themselves, older ones that this package supports do not.
 */
function closeUnasked(this: Duplex): void {
  this.destroy()
}
