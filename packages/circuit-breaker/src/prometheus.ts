import { collect, METRIC_FAMILIES, type BreakerSource } from './metrics.ts'

export type { BreakerSource } from './metrics.ts'

/** What of `prom-client` is used: any version with these two constructors fits. */
export interface PromClient<Register> {
  readonly Gauge: new (configuration: PromConfiguration<PromGauge, Register>) => unknown
  readonly Counter: new (configuration: PromConfiguration<PromCounter, Register>) => unknown
}

/** How `prom-client` is told of a metric. It calls `collect` at each scrape, with the metric as `this`. */
export interface PromConfiguration<Metric, Register> {
  name: string
  help: string
  labelNames: string[]
  registers?: Register[]
  collect: (this: Metric) => void
}

export interface PromGauge {
  reset(): void
  set(labels: Record<string, string>, value: number): void
}

export interface PromCounter {
  reset(): void
  inc(labels: Record<string, string>, value: number): void
}

/**
 * Registers the metrics of `breakers` with `prom-client`. They are read at each scrape: between scrapes they cost nothing,
 * and a breaker that was evicted is gone from the next one.
 *
 * @param client the module itself: `import * as client from 'prom-client'`
 * @param breakers a CircuitBreakerRegistry, or any iterable of breakers
 * @param register where to register; the client's default register when undefined
 * @returns the metrics made
 * @throws what the client throws, such as for names that are registered already
 */
export function registerPrometheusMetrics<Register>(
  client: PromClient<Register>,
  breakers: BreakerSource,
  register?: Register,
): unknown[] {
  return METRIC_FAMILIES.map((family) => {
    const { name, help, labelNames } = family
    const shared = { name, help, labelNames: [...labelNames], ...(register && { registers: [register] }) }
    return family.type === 'gauge'
      ? new client.Gauge({
          ...shared,
          collect() {
            this.reset()
            for (const { labels, value } of collect(family, breakers)) this.set({ ...labels }, value)
          },
        })
      : new client.Counter({
          ...shared,
          collect() {
            this.reset()
            for (const { labels, value } of collect(family, breakers)) this.inc({ ...labels }, value)
          },
        })
  })
}

/**
 * The metrics of `breakers` in the Prometheus text format (version 0.0.4), for services without a client library.
 *
 * @param breakers a CircuitBreakerRegistry, or any iterable of breakers
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function prometheusText(breakers: BreakerSource): string {
  const lines: string[] = []
  for (const family of METRIC_FAMILIES) {
    lines.push(`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`)
    for (const { labels, value } of collect(family, breakers)) {
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
      lines.push(`${family.name}{${pairs.join(',')}} ${value}`)
    }
  }
  return `${lines.join('\n')}\n`
}

const escapeLabel = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
