import type * as http from 'node:http'
import type * as https from 'node:https'
import type { Duplex } from 'node:stream'

import { AgentFactory, type AgentEnvironment } from './agent-factory.ts'
import type { EndpointTlsOptions } from './tls/pool-tls-options.ts'
import { TlsIdentity, tlsKeyOf } from './tls/tls-identity.ts'

/** The agents for one way of doing TLS; any `node:http` client may ride on them. */
export interface PoolAgents {
  readonly http: http.Agent
  readonly https: https.Agent
}

/** More ways of doing TLS than this are remembered only while they have connections. */
const MAX_IDENTITIES = 256

/** The agents of a pool: one for http, one for https as the pool does it, and one for every other way of doing TLS. */
export class PooledAgents {
  /** The pool's own. */
  readonly own: PoolAgents
  readonly #factory: AgentFactory
  readonly #opening = new Set<Duplex>()
  readonly #others = new Map<string, PoolAgents>()

  constructor(environment: Omit<AgentEnvironment, 'opening' | 'poolTls'>) {
    const poolTls = new TlsIdentity(environment.options.tls ?? {})
    this.#factory = new AgentFactory({ ...environment, poolTls, opening: this.#opening })
    this.own = { http: this.#factory.http(), https: this.#factory.https(poolTls) }
  }

  for(tls: EndpointTlsOptions | undefined): PoolAgents {
    if (tls === undefined) return this.own
    const key = tlsKeyOf(tls)
    const known = this.#others.get(key)
    if (known !== undefined) return known
    if (this.#others.size >= MAX_IDENTITIES) this.#forgetUnused()
    const agents = { http: this.own.http, https: this.#factory.https(new TlsIdentity(tls)) }
    this.#others.set(key, agents)
    return agents
  }

  destroy(): void {
    for (const socket of this.#opening) socket.destroy()
    this.own.http.destroy()
    this.own.https.destroy()
    for (const { https: agent } of this.#others.values()) agent.destroy()
  }

  #forgetUnused(): void {
    for (const [key, { https: agent }] of this.#others) {
      const isUsed = [agent.sockets, agent.freeSockets, agent.requests].some((lists) =>
        Object.values(lists).some((list) => (list?.length ?? 0) > 0),
      )
      if (!isUsed) this.#others.delete(key)
    }
  }
}
