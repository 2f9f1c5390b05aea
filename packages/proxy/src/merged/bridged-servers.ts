import type { Exchange } from '../exchange.ts'
import { BridgedServer } from './bridged-server.ts'
import type { MergedServer } from './merged-server.ts'

/** The most principals, at one address each, of whom something is remembered. */
const MAX_VIEWS = 1000

/** The merged server as each principal has it at each address: what is learned of tools is learned for one. */
export class BridgedServers {
  readonly #server: MergedServer
  /** In order of use, oldest first. */
  readonly #views = new Map<string, BridgedServer>()

  constructor(server: MergedServer) {
    this.#server = server
  }

  /**
   * As the sender of a request has it.
   *
   * @param scope what is talked to: everything, or a toolset.
   */
  of(exchange: Exchange, scope: string): BridgedServer {
    const { principal } = exchange
    const key = `${principal.tenantId} ${principal.id} ${principal.keyId ?? ''} ${scope}`
    const known = this.#views.get(key)
    // A principal is another object as soon as its key may do something else.
    const view = known?.principal === principal ? known : new BridgedServer(this.#server, exchange)
    this.#views.delete(key)
    this.#views.set(key, view)
    const [oldest] = this.#views.keys()
    if (this.#views.size > MAX_VIEWS && oldest !== undefined) this.#views.delete(oldest)
    return view
  }
}
