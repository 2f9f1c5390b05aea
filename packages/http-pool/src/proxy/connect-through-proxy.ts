import * as http from 'node:http'
import * as net from 'node:net'
import type { Duplex } from 'node:stream'
import * as tls from 'node:tls'

import { ConnectionRefusal } from '../connection-refusal.ts'
import { within } from '../within.ts'
import type { ProxyServer } from './proxy-routes.ts'

const MAX_HEADER_BYTES = 16_384
/** The proxy is well, the target is not. */
const TARGET_UNREACHABLE: ReadonlySet<number> = new Set([502, 503, 504])

export interface ProxiedConnection {
  readonly server: ProxyServer
  readonly target: { readonly secure: boolean; readonly hostname: string; readonly port: number }
  readonly lookup: net.LookupFunction
  /** For an https proxy. */
  readonly secureContext: tls.SecureContext | undefined
  /** Begins TLS with the target, inside the tunnel. */
  readonly wrap: (tunnel: net.Socket) => tls.TLSSocket
  /** Called at once with the socket to the proxy. */
  readonly onOpened: (socket: net.Socket) => void
  /** For all of it, in milliseconds. */
  readonly timeoutMs: number
}

/**
 * A connection to `target` over its proxy, ready for a request: for http targets the one to the proxy itself, for https
 * targets TLS with the target inside a tunnel (RFC 9110, section 9.3.6).
 *
 * @throws {ConnectionRefusal} `proxy`, `unreachable`, `tls` or `connect_timeout`.
 */
export const connectThroughProxy = async (connection: ProxiedConnection): Promise<Duplex> => {
  const { server, lookup, secureContext, timeoutMs } = connection
  const address = { host: server.hostname, port: server.port, lookup, noDelay: true, keepAlive: true }
  const socket = server.secure
    ? tls.connect({ ...address, ...serverNameOf(server.hostname), ...(secureContext && { secureContext }) })
    : net.connect(address)
  socket.on('error', ignore)
  connection.onOpened(socket)
  try {
    return await within(establish(connection, socket), timeoutMs, () => {
      throw new ConnectionRefusal('connect_timeout', undefined, timeoutMs)
    })
  } catch (error) {
    socket.destroy()
    throw error
  }
}

const establish = async (
  { server, target, wrap }: ProxiedConnection,
  socket: net.Socket,
): Promise<Duplex> => {
  await asRefusal('proxy', readiness(socket, server.secure ? 'secureConnect' : 'connect'))
  if (!target.secure) return socket
  await openTunnel(server, target, socket)
  const secured = wrap(socket).on('error', ignore)
  await asRefusal('tls', readiness(secured, 'secureConnect'))
  return secured
}

const openTunnel = async (
  server: ProxyServer,
  { hostname, port }: ProxiedConnection['target'],
  socket: net.Socket,
): Promise<void> => {
  const authority = `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`
  const authorization = server.authorization()
  const request = http.request({
    method: 'CONNECT',
    path: authority,
    headers: [
      'Host',
      authority,
      ...(authorization === undefined ? [] : ['Proxy-Authorization', authorization]),
    ],
    setHost: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    createConnection: () => socket,
  })
  request.end()
  const { status, head } = await asRefusal('proxy', answerOf(request))
  if (status < 200 || status > 299) {
    const cause = Object.assign(new Error(`the proxy answered CONNECT with status ${status}`), {
      code: `ERR_PROXY_STATUS_${status}`,
    })
    throw new ConnectionRefusal(TARGET_UNREACHABLE.has(status) ? 'unreachable' : 'proxy', cause)
  }
  // The target speaks after us in TLS: whoever said this is not the target.
  if (head.byteLength > 0)
    throw new ConnectionRefusal('proxy', new Error('bytes came before they were asked for'))
}

const answerOf = (request: http.ClientRequest): Promise<{ status: number; head: Buffer }> =>
  new Promise((resolve, reject) => {
    request.once('error', reject)
    request.once('connect', ({ statusCode = 0 }, _socket, head) => resolve({ status: statusCode, head }))
  })

/** Rejects also when the socket is closed without an error. */
const readiness = (socket: net.Socket, event: 'connect' | 'secureConnect'): Promise<void> =>
  new Promise((resolve, reject) => {
    const onClose = (): void =>
      reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }))
    socket.once('error', reject)
    socket.once('close', onClose)
    socket.once(event, () => {
      socket.off('error', reject)
      socket.off('close', onClose)
      resolve()
    })
  })

const asRefusal = async <Value>(reason: 'proxy' | 'tls', work: Promise<Value>): Promise<Value> => {
  try {
    return await work
  } catch (error) {
    throw new ConnectionRefusal(reason, error)
  }
}

/** Names only: an address is no server name (RFC 6066, section 3). */
const serverNameOf = (hostname: string): { servername?: string } =>
  net.isIP(hostname) === 0 ? { servername: hostname } : {}

const ignore = (): void => {}
