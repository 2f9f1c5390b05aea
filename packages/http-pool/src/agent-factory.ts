import * as http from 'node:http'
import * as https from 'node:https'
import { Socket, type LookupFunction } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

import type { ConnectionLedger } from './connection-ledger.ts'
import { ConnectionRefusal } from './connection-refusal.ts'
import { guardedLookup, refusalOfAny, refusalOfLiteral } from './egress/guarded-lookup.ts'
import type { ResolvedHttpPoolOptions } from './http-pool-options.ts'
import { keepIdleSockets } from './keep-idle-sockets.ts'
import { connectThroughProxy } from './proxy/connect-through-proxy.ts'
import type { ProxyRoutes, ProxyServer } from './proxy/proxy-routes.ts'
import { originOf } from './request-target.ts'
import type { TlsIdentity } from './tls/tls-identity.ts'
import { resolveAll, trackedLookup } from './tracked-lookup.ts'
import { within } from './within.ts'

export interface AgentEnvironment {
  readonly options: ResolvedHttpPoolOptions
  readonly ledger: ConnectionLedger
  readonly lookup: LookupFunction
  readonly routes: ProxyRoutes | undefined
  readonly state: () => 'open' | 'closing' | 'closed'
  /** Sockets on their way to a proxy, which no agent knows yet. */
  readonly opening: Set<Duplex>
  /** The pool's own, which https proxies are met with. */
  readonly poolTls: TlsIdentity
}

type Connect = http.Agent['createConnection']
type ConnectOptions = Parameters<Connect>[0]
type ConnectCallback = (error: Error | null, stream: Duplex) => void

const KEEP_ALIVE: http.AgentOptions = { keepAlive: true, scheduling: 'lifo' }

/** Makes agents that keep connections alive, send without delay, reuse the connection that was used last (so that the surplus expires), enter every connection in the ledger, and make none that the egress policy refuses. */
export class AgentFactory {
  readonly #environment: AgentEnvironment
  readonly #lookup: LookupFunction
  /** Said when a connection is made: what agents are given, they copy for every request. */
  readonly #connecting: { readonly lookup: LookupFunction; readonly autoSelectFamily: true }

  constructor(environment: AgentEnvironment) {
    this.#environment = environment
    const { options, lookup } = environment
    this.#lookup = trackedLookup(lookup)
    this.#connecting = {
      lookup: options.egress === undefined ? this.#lookup : guardedLookup(this.#lookup, options.egress),
      autoSelectFamily: true,
    }
  }

  http(): http.Agent {
    return this.#govern(new http.Agent(KEEP_ALIVE), undefined)
  }

  https(identity: TlsIdentity): https.Agent {
    const { servername } = identity
    const options = servername === undefined ? KEEP_ALIVE : { ...KEEP_ALIVE, servername }
    return this.#govern(new https.Agent(options), identity)
  }

  #govern<Agent extends http.Agent>(agent: Agent, identity: TlsIdentity | undefined): Agent {
    const { options, ledger, state } = this.#environment
    const connect = agent.createConnection.bind(agent)
    agent.maxSockets = options.maxConnectionsPerOrigin
    agent.maxFreeSockets = options.maxIdleConnectionsPerOrigin
    agent.createConnection = (wanted, callback) => {
      try {
        return this.#connect(connect, identity, wanted, callback)
      } catch (error) {
        callback?.(
          error instanceof Error ? error : new Error('no connection', { cause: error }),
          new Socket(),
        )
        return undefined
      }
    }
    keepIdleSockets(agent, { options, ledger, isOpen: () => state() === 'open' })
    return agent
  }

  #connect(
    connect: Connect,
    identity: TlsIdentity | undefined,
    wanted: ConnectOptions,
    callback: ConnectCallback | undefined,
  ): Duplex | null | undefined {
    const { options, ledger, state, routes } = this.#environment
    if (state() === 'closed') throw new Error('the pool is closed')
    if (wanted.socketPath !== undefined && wanted.socketPath !== null) {
      throw new ConnectionRefusal('egress_denied', new Error('sockets in the file system are not requested'))
    }
    const hostname = wanted.host ?? 'localhost'
    const refusal = refusalOfLiteral(options.egress, hostname)
    if (refusal !== undefined) throw refusal
    if (ledger.open >= options.maxConnections) ledger.evictOldestIdle()
    const secure = identity !== undefined
    const port = wanted.port === undefined || wanted.port === null ? undefined : Number(wanted.port)
    const origin = originOf(secure, hostname, port)
    const secureContext = identity?.context()
    const prepared = {
      ...wanted,
      ...this.#connecting,
      ...(secureContext === undefined ? {} : { secureContext }),
    }
    const server = routes?.serverFor({ origin, secure, hostname, port })
    if (server !== undefined) {
      const target = { secure, hostname, port: port ?? (secure ? 443 : 80), origin }
      const tunnelled = (socket: Socket): Duplex | null | undefined =>
        connect(Object.assign({}, prepared, { socket }))
      void this.#connectThrough(server, target, tunnelled, callback ?? ignore)
      return undefined
    }
    const socket = connect(prepared, callback)
    if (socket !== null && socket !== undefined) {
      ledger.opened(socket, origin, secure ? 'secureConnect' : 'connect')
    }
    return socket
  }

  async #connectThrough(
    server: ProxyServer,
    target: { secure: boolean; hostname: string; port: number; origin: string },
    secure: (tunnel: Socket) => Duplex | null | undefined,
    callback: ConnectCallback,
  ): Promise<void> {
    const { options, ledger, routes, opening, poolTls } = this.#environment
    const { connectMs } = options.timeouts
    let opened: Socket | undefined
    let socket: Duplex
    try {
      await within(this.#judge(target.hostname, routes?.resolveNames === true), connectMs, () => {
        throw new ConnectionRefusal('connect_timeout', undefined, connectMs)
      })
      socket = await connectThroughProxy({
        server,
        target,
        lookup: this.#lookup,
        secureContext: server.secure ? poolTls.context() : undefined,
        timeoutMs: connectMs,
        wrap: (tunnel) => {
          const wrapped = secure(tunnel)
          if (wrapped instanceof TLSSocket) return wrapped
          throw new TypeError('the https agent gave no TLS socket')
        },
        onOpened: (first) => {
          opened = first
          opening.add(first)
          ledger.opened(first, target.origin, server.secure ? 'secureConnect' : 'connect')
        },
      })
      if (opened !== undefined) ledger.wrapped(opened, socket)
    } catch (error) {
      callback(error instanceof Error ? error : new Error('no connection', { cause: error }), new Socket())
      return
    } finally {
      if (opened !== undefined) opening.delete(opened)
    }
    callback(null, socket)
  }

  /** The proxy will resolve the name by itself; what it may find is looked at first. */
  async #judge(hostname: string, resolvesNames: boolean): Promise<void> {
    const { egress } = this.#environment.options
    if (egress?.checkAddress === undefined || !resolvesNames) return
    const refusal = refusalOfAny(egress, await resolveAll(this.#lookup, hostname), hostname)
    if (refusal !== undefined) throw refusal
  }
}

const ignore = (): void => {}
