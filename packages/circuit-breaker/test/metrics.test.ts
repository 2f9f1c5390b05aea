import { metrics } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import * as client from 'prom-client'
import { describe, expect, it } from 'vitest'

import { CircuitBreaker, CircuitBreakerRegistry, consecutive } from '../src/index.ts'
import { observeCircuitBreakers } from '../src/opentelemetry.ts'
import { prometheusText, registerPrometheusMetrics } from '../src/prometheus.ts'
import { failTimes } from './drive.ts'

const busy = (): CircuitBreakerRegistry => {
  const registry = new CircuitBreakerRegistry({ defaults: { trip: consecutive(2) } })
  registry.get('api').acquire().success()
  registry.get('api').acquire()
  failTimes(registry.get('db'), 2)
  registry.get('db').tryAcquire()
  return registry
}

const lines = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .toSorted()

describe('the Prometheus text', () => {
  it('holds every breaker with its state, calls, refusals and transitions', () => {
    const text = prometheusText(busy())
    expect(text).toContain('# TYPE circuit_breaker_state gauge\n')
    expect(text).toContain('circuit_breaker_state{name="api",state="closed"} 1\n')
    expect(text).toContain('circuit_breaker_state{name="db",state="open"} 1\n')
    expect(text).toContain('circuit_breaker_state{name="db",state="closed"} 0\n')
    expect(text).toContain('circuit_breaker_outstanding{name="api"} 1\n')
    expect(text).toContain('circuit_breaker_calls_total{name="db",outcome="failure"} 2\n')
    expect(text).toContain('circuit_breaker_rejections_total{name="db",reason="open"} 1\n')
    expect(text).toContain('circuit_breaker_transitions_total{name="db",from="closed",to="open"} 1\n')
  })

  it('escapes what a name may hold', () => {
    const breaker = new CircuitBreaker({ name: 'a "quoted"\\path\nline' })
    expect(prometheusText([breaker])).toContain('{name="a \\"quoted\\"\\\\path\\nline",state="closed"} 1')
  })
})

describe('the adapter for prom-client', () => {
  it('is read at each scrape, says the same as the text, and forgets what left the registry', async () => {
    const registry = busy()
    const register = new client.Registry()
    registerPrometheusMetrics(client, registry, register)
    expect(lines(await register.metrics())).toEqual(lines(prometheusText(registry)))
    registry.get('api').acquire().success()
    expect(await register.metrics()).toContain('circuit_breaker_calls_total{name="api",outcome="success"} 2')
    registry.delete('db')
    expect(await register.metrics()).not.toContain('db')
  })

  it('registers with the default register when none is given', async () => {
    registerPrometheusMetrics(client, [new CircuitBreaker({ name: 'only' })])
    expect(await client.register.metrics()).toContain('circuit_breaker_state{name="only",state="closed"} 1')
    client.register.clear()
  })
})

describe('the adapter for OpenTelemetry', () => {
  it('is read at each collection until it is stopped', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    const provider = new MeterProvider({ readers: [reader] })
    metrics.setGlobalMeterProvider(provider)
    const breakers = busy()
    const registry = {
      asked: 0,
      [Symbol.iterator]() {
        this.asked++
        return breakers[Symbol.iterator]()
      },
    }
    const stop = observeCircuitBreakers(metrics.getMeter('test'), registry)
    await reader.forceFlush()
    const collected = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
    expect(collected.map(({ descriptor }) => descriptor.name).toSorted()).toEqual([
      'circuit_breaker.calls',
      'circuit_breaker.outstanding',
      'circuit_breaker.rejections',
      'circuit_breaker.state',
      'circuit_breaker.transitions',
    ])
    const failures = { attributes: { name: 'db', outcome: 'failure' }, value: 2 }
    const calls = collected.find(({ descriptor }) => descriptor.name === 'circuit_breaker.calls')
    expect(calls?.dataPoints).toContainEqual(expect.objectContaining(failures))
    const asked = registry.asked
    stop()
    await reader.forceFlush()
    expect(registry.asked).toBe(asked)
    await provider.shutdown()
    metrics.disable()
  })
})
