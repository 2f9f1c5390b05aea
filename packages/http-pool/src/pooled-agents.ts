import * as http from 'node:http'
import * as https from 'node:https'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import type { ConnectionLedger } from './connection-ledger.ts'
import type { ResolvedHttpPoolOptions } from './http-pool-options.ts'
import { originOf } from './request-target.ts'
import { trackedLookup } from './tracked-lookup.ts'

/** How much earlier than the peer an idle connection is closed, lest a request meet the peer's closing. */
const PEER_CLOSING_MS = 1_000
const TCP_KEEP_ALIVE_MS = 1_000

/** The two agents of a pool; any `node:http` client may ride on them. */
export interface PoolAgents {
  readonly http: http.Agent
  readonly https: https.Agent
}

/**
 * Makes the agents. They keep connections alive, send without delay (the agents' default), reuse the one that was used last (so that the surplus expires),
 * and enter every connection in `ledger`.
 */
export const createPooledAgents = (
  options: ResolvedHttpPoolOptions,
  ledger: ConnectionLedger,
  state: () => 'open' | 'closing' | 'closed',
): PoolAgents => {
  const shared: http.AgentOptions = {
    keepAlive: true,
    scheduling: 'lifo',
    // The agent closes a connection that was idle for this long; connections in use are not touched by it.
    timeout: options.keepAliveMs,
    maxSockets: options.maxConnectionsPerOrigin,
    // The agent reads 0 as "the default", so none at all is said in `keepSocketAlive`.
    maxFreeSockets: Math.max(1, options.maxIdleConnectionsPerOrigin),
    ...(options.lookup === undefined ? {} : { lookup: trackedLookup(options.lookup) }),
  }
  const govern = <Agent extends http.Agent>(agent: Agent, secure: boolean): Agent => {
    const createConnection = agent.createConnection.bind(agent)
    // Documented to return whether the socket may be kept; the type declaration says void.
    const keepSocketAlive: (socket: Duplex) => unknown = agent.keepSocketAlive.bind(agent)
    const reuseSocket = agent.reuseSocket.bind(agent)
    agent.createConnection = (connection, callback) => {
      if (state() === 'closed') {
        callback?.(new Error('the pool is closed'), new Socket())
        return undefined
      }
      if (ledger.open >= options.maxConnections) ledger.evictOldestIdle()
      const socket = createConnection(connection, callback)
      if (socket !== null && socket !== undefined) {
        const origin = originOf(secure, connection.host ?? 'localhost', connection.port ?? undefined)
        ledger.opened(socket, origin, secure ? 'secureConnect' : 'connect')
      }
      return socket
    }
    agent.keepSocketAlive = (socket): boolean => {
      if (
        state() !== 'open' ||
        ledger.idle >= options.maxIdleConnections ||
        options.maxIdleConnectionsPerOrigin === 0
      ) {
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
    return agent
  }
  return {
    http: govern(new http.Agent(shared), false),
    https: govern(new https.Agent({ ...shared, ...options.tls }), true),
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
