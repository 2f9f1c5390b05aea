import type { Server, ServerOptions } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import type { RegistryStart } from '@mreg/composition'
import type { Logger, Settings } from '@mreg/core'
import type { FastifyInstance } from 'fastify'

import { listen } from './http/listen.ts'
import type { Lifecycle } from './process/lifecycle.ts'

export interface GatewayOptions {
  readonly settings: Settings
  readonly logger: Logger
  readonly lifecycle: Lifecycle
  /** How it comes to be known what is registered. */
  readonly registry: RegistryStart
  /** Watches the servers; begins to when asked for. */
  readonly watch: () => void
  /** Is told the URL as soon as it is listened on. */
  readonly onListening: (url: string) => void
  readonly createHttp: (options: ServerOptions) => Promise<FastifyInstance>
}

/** The running gateway: it follows the changes of the registry and answers HTTP. */
export class Gateway implements AsyncDisposable {
  readonly #options: GatewayOptions
  #http: FastifyInstance | undefined
  #others: readonly Server[] = []

  constructor(options: GatewayOptions) {
    this.#options = options
  }

  /**
   * Loads the routes from the database, or from what was kept of them, then listens.
   *
   * @returns the URL that it listens on.
   * @throws {ConfigurationError} when it cannot listen there.
   * @throws {DatabaseUnavailableError} when the database does not answer and nothing was kept.
   */
  async start(): Promise<string> {
    const { registry, settings, watch } = this.#options
    const options: ServerOptions = {
      headersTimeout: settings.timeouts.clientHeadersMs,
      requestTimeout: settings.timeouts.clientBodyMs,
      connectionsCheckingInterval: 1000,
    }
    const [http] = await Promise.all([this.#create(options), registry.begin()])
    const { url, others } = await listen(http, settings.listen.hosts, settings.listen.port, options)
    this.#others = others
    this.#options.onListening(url)
    watch()
    return url
  }

  async #create(options: ServerOptions): Promise<FastifyInstance> {
    this.#http = await this.#options.createHttp(options)
    return this.#http
  }

  /** Ends gracefully: says so to load balancers for a while, takes nothing new, finishes what is under way, then closes. Harmless before `start`. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { lifecycle, logger, settings } = this.#options
    const http = this.#http
    if (http?.server.listening === true && settings.timeouts.leaveMs > 0) {
      lifecycle.leave()
      await sleep(settings.timeouts.leaveMs)
    }
    lifecycle.end()
    if (http === undefined) return
    const servers = [http.server, ...this.#others]
    for (const server of this.#others) server.close()
    if (http.server.listening) http.server.close()
    for (const server of servers) server.closeIdleConnections()
    if (!(await lifecycle.drained(settings.timeouts.drainMs))) {
      logger.warn('requests were still under way when the time to drain was over', {
        inFlight: lifecycle.inFlight,
      })
    }
    for (const server of servers) server.closeAllConnections()
    await http.close()
  }
}
