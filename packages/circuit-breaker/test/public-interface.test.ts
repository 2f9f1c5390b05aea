import { readFileSync, readdirSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import * as core from '../src/index.ts'
import * as opentelemetry from '../src/opentelemetry.ts'
import * as prometheus from '../src/prometheus.ts'

const source = new URL('../src/', import.meta.url)

describe('the public interface', () => {
  it('is exactly this', () => {
    expect(Object.keys(core).toSorted()).toEqual([
      'CircuitBreaker',
      'CircuitBreakerOpenError',
      'CircuitBreakerRegistry',
      'anyOf',
      'backoff',
      'consecutive',
      'countWindow',
      'defaultClassify',
      'definePolicy',
      'isLocalFault',
      'overdue',
      'timeWindow',
    ])
    expect(Object.keys(prometheus).toSorted()).toEqual(['prometheusText', 'registerPrometheusMetrics'])
    expect(Object.keys(opentelemetry)).toEqual(['observeCircuitBreakers'])
  })

  it('rests on nothing: no package and no module of Node is imported', () => {
    const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    )
    expect(files.length).toBeGreaterThan(20)
    for (const file of files) {
      const imports = [
        ...readFileSync(new URL(file, source), 'utf8').matchAll(/^(?:import|export|\}) .*from '([^']+)'/gm),
      ].map(([, from]) => from)
      expect(imports.filter((from) => !from?.startsWith('.'))).toEqual([])
    }
  })

  it('recognises its error from any copy of the library, and nothing else', () => {
    const error = new core.CircuitBreakerOpenError('db', 'open', 1500.2)
    expect(core.CircuitBreakerOpenError.is(error)).toBe(true)
    expect(error.message).toBe('circuit breaker "db" is open, retry in 1501 ms')
    const copy = { [Symbol.for('@mreg/circuit-breaker/open-error')]: true }
    expect(core.CircuitBreakerOpenError.is(copy)).toBe(true)
    for (const other of [undefined, null, 'x', {}, new Error('x')]) {
      expect(core.CircuitBreakerOpenError.is(other)).toBe(false)
    }
  })

  it('makes its error without a stack, and leaves the stack limit as it was', () => {
    const limit = Error.stackTraceLimit
    const breaker = new core.CircuitBreaker({ name: 'db' })
    breaker.trip()
    let stack: string | undefined
    try {
      breaker.acquire()
    } catch (error) {
      stack = error instanceof Error ? error.stack : undefined
    }
    expect(stack).toMatch(
      /^CircuitBreakerOpenError: circuit breaker "db" is open|^Error: circuit breaker "db" is open/,
    )
    expect(stack).not.toContain('\n')
    expect(Error.stackTraceLimit).toBe(limit)
  })
})

describe('faults of this machine', () => {
  it('are told by their code, on the error or on its cause', () => {
    expect(core.isLocalFault(Object.assign(new Error(), { code: 'EMFILE' }))).toBe(true)
    expect(
      core.isLocalFault(new Error('x', { cause: Object.assign(new Error(), { code: 'ENOTFOUND' }) })),
    ).toBe(true)
    for (const other of [
      undefined,
      null,
      'EMFILE',
      new Error('EMFILE'),
      { code: 'ECONNREFUSED' },
      { code: 5 },
    ]) {
      expect(core.isLocalFault(other)).toBe(false)
    }
  })
})
