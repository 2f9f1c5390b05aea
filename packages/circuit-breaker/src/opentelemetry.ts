import { collect, METRIC_FAMILIES, type BreakerSource } from './metrics.ts'

export type { BreakerSource } from './metrics.ts'

/** What of an OpenTelemetry `Meter` is used: `@opentelemetry/api` of any 1.x fits. */
export interface Meter<Instrument> {
  createObservableGauge(name: string, options: { description: string }): Instrument
  createObservableCounter(name: string, options: { description: string }): Instrument
  addBatchObservableCallback(callback: ObserveBatch<Instrument>, instruments: Instrument[]): void
  removeBatchObservableCallback(callback: ObserveBatch<Instrument>, instruments: Instrument[]): void
}

/** Reports one collection. */
export type ObserveBatch<Instrument> = (result: {
  observe(instrument: Instrument, value: number, attributes: Record<string, string>): void
}) => void

/**
 * Reports the metrics of `breakers` to an OpenTelemetry meter. They are read at each collection: between collections they
 * cost nothing, and a breaker that was evicted is reported no more.
 *
 * The names are those of the Prometheus adapter with dots: `circuit_breaker.state`, `circuit_breaker.calls` and so on.
 *
 * @param meter such as `metrics.getMeter('my-service')`
 * @param breakers a CircuitBreakerRegistry, or any iterable of breakers
 * @returns stops reporting
 */
export function observeCircuitBreakers<Instrument>(
  meter: Meter<Instrument>,
  breakers: BreakerSource,
): () => void {
  const instruments = METRIC_FAMILIES.map((family) => {
    const name = family.name.replace('circuit_breaker_', 'circuit_breaker.').replace(/_total$/, '')
    const options = { description: family.help }
    const instrument =
      family.type === 'gauge'
        ? meter.createObservableGauge(name, options)
        : meter.createObservableCounter(name, options)
    return { family, instrument }
  })
  const handles = instruments.map(({ instrument }) => instrument)
  const observe: ObserveBatch<Instrument> = (result) => {
    for (const { family, instrument } of instruments) {
      for (const { labels, value } of collect(family, breakers))
        result.observe(instrument, value, { ...labels })
    }
  }
  meter.addBatchObservableCallback(observe, handles)
  return () => meter.removeBatchObservableCallback(observe, handles)
}
