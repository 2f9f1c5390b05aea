import { IncomingMessage, type Agent } from 'node:http'
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
  const reuseSocket = agent.reuseSocket.bind(agent)
  // Documented to return whether the socket may be kept; the type declaration says void.
  agent.keepSocketAlive = (socket): boolean => {
    if (!isOpen() || ledger.idle >= options.maxIdleConnections || !(socket instanceof Socket)) return false
    const record = ledger.record(socket)
    if (record === undefined) return false
    record.peerKeepAliveMs ??= peerKeepAliveMs(headOf(socket)?.headers['keep-alive'])
    const idleMs = Math.min(options.keepAliveMs, record.peerKeepAliveMs - PEER_CLOSING_MS)
    if (idleMs <= 0) return false
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS)
    socket.unref()
    ledger.parked(record, idleMs)
    if (!GUARDS_IDLE_SOCKETS) socket.on('data', closeUnasked)
    return true
  }
  agent.reuseSocket = (socket, request) => {
    ledger.reused(socket)
    if (!GUARDS_IDLE_SOCKETS) socket.off('data', closeUnasked)
    reuseSocket(socket, request)
  }
}

/** The `timeout` of a `Keep-Alive` field, in milliseconds; `Infinity` when the peer does not say. */
export const peerKeepAliveMs = (field: string | string[] | undefined): number => {
  if (field === undefined) return Number.POSITIVE_INFINITY
  const seconds = /(?:^|[,\s])timeout=(\d{1,9})/i.exec(String(field))?.[1]
  return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1_000
}

/** The response that has just come over `socket`, when nobody has looked at it on the way. */
const headOf = (
  socket: object,
): { readonly headers: Record<string, string | string[] | undefined> } | undefined => {
  const request: unknown = Reflect.get(socket, '_httpMessage')
  const response: unknown =
    typeof request === 'object' && request !== null ? Reflect.get(request, 'res') : undefined
  return response instanceof IncomingMessage ? response : undefined
}

/**
 * Whether Node.js closes an idle connection on which something comes by itself: releases after CVE-2026-48931, of which
 * 24.21 is one that we have seen do it.
 */
const GUARDS_IDLE_SOCKETS = ((): boolean => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > 24 || (major === 24 && minor >= 21)
})()

/** Closes an idle connection on which something comes: the next request would take it for its response. */
function closeUnasked(this: Duplex): void {
  this.destroy()
}
