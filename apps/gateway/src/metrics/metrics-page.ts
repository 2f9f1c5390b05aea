import { prometheusText } from '@mreg/circuit-breaker/prometheus'
import type { Fallback, RouteTable, Traffic } from '@mreg/proxy'
import type { Upstreams } from '@mreg/upstream'
import type { Registry } from 'prom-client'

import { endpointFamilies } from './endpoint-families.ts'
import { expositionOf } from './metric-family.ts'
import { processFamilies, type ProcessFigures } from './process-families.ts'
import { trafficFamilies } from './traffic-families.ts'

export interface MetricsPageOptions {
  readonly traffic: Traffic
  readonly fallback: Fallback
  readonly routes: RouteTable
  readonly upstreams: Upstreams
  readonly figures: () => ProcessFigures
}

/** So many circuits are shown at most. */
const MAX_CIRCUITS = 1000

/** What `/metrics` shows: everything is read from plain numbers when somebody asks, and costs nothing in between. */
export class MetricsPage {
  readonly #options: MetricsPageOptions
  #process: Promise<Registry> | undefined

  constructor(options: MetricsPageOptions) {
    this.#options = options
  }

  /** In the text format of Prometheus. */
  async text(): Promise<string> {
    const { fallback, figures, routes, traffic, upstreams } = this.#options
    const there = new Set([...routes.all()].map(({ server }) => server.id))
    if (routes.loaded) traffic.keepOnly((serverId) => there.has(serverId))
    const families = [
      ...trafficFamilies(traffic, fallback.figures),
      ...endpointFamilies(routes),
      ...processFamilies(figures()),
    ]
    const circuits = [...upstreams.circuits].slice(0, MAX_CIRCUITS)
    const breakers = circuits.map(({ breaker, key }) => [key, breaker] as const)
    return `${expositionOf(families)}${prometheusText(breakers)}${await this.#ownFigures()}`
  }

  /** Processor, memory, event loop and garbage of the process. Observed from the first time on that somebody asks. */
  async #ownFigures(): Promise<string> {
    this.#process ??= observeProcess()
    return (await this.#process).metrics()
  }
}

const observeProcess = async (): Promise<Registry> => {
  // A gateway that nobody scrapes starts without it.
  const { default: client } = await import('prom-client')
  const register = new client.Registry()
  client.collectDefaultMetrics({ register })
  return register
}
