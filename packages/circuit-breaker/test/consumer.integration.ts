import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { ConsumerProject, OLDEST_NODE } from '@mreg/testing'
import { afterAll, assert, beforeAll, describe, expect, it } from 'vitest'

const moduleScript = `
import { CircuitBreaker, CircuitBreakerOpenError, consecutive } from '@mreg/circuit-breaker'
import { prometheusText } from '@mreg/circuit-breaker/prometheus'
import { observeCircuitBreakers } from '@mreg/circuit-breaker/opentelemetry'
const breaker = new CircuitBreaker({ name: 'consumer', trip: consecutive(2) })
for (let call = 0; call < 2; call++) await breaker.execute(() => Promise.reject(new Error('down'))).catch(() => {})
const refusal = await breaker.execute(() => 1).catch((error) => error)
const metrics = prometheusText([breaker]).includes('circuit_breaker_state{name="consumer",state="open"} 1')
console.log([CircuitBreakerOpenError.is(refusal), refusal.code, metrics, typeof observeCircuitBreakers].join(' '))
`

const requireScript = `
const { CircuitBreaker } = require('@mreg/circuit-breaker')
const { prometheusText } = require('@mreg/circuit-breaker/prometheus')
const permit = new CircuitBreaker({ name: 'required' }).tryAcquire()
permit.success()
console.log(permit.probe, typeof prometheusText, require('@mreg/circuit-breaker/package.json').name)
`

const typedScript = `
import { CircuitBreaker, type Permit } from '@mreg/circuit-breaker'
import { prometheusText } from '@mreg/circuit-breaker/prometheus'
const permit: Permit | null = new CircuitBreaker({ openMs: 1000 }).tryAcquire()
permit?.success()
export const text: string = prometheusText([])
// @ts-expect-error -- a misspelt option must not pass
new CircuitBreaker({ openms: 1000 })
`

/** The package as it is published, installed into an empty project. */
describe('the packed package in a project of a stranger', { timeout: 240_000 }, () => {
  let made: ConsumerProject | undefined
  const project = (): ConsumerProject => {
    assert(made !== undefined)
    return made
  }
  beforeAll(async () => {
    made = await ConsumerProject.create(new URL('..', import.meta.url))
  }, 300_000)
  afterAll(() => made?.remove())

  it('is imported as a module by this Node', async () => {
    expect(await project().run(moduleScript)).toBe('true ERR_CIRCUIT_OPEN true function')
  })

  it('is required by CommonJS on this Node', async () => {
    expect(await project().run(requireScript, { type: 'commonjs' })).toBe(
      'false function @mreg/circuit-breaker',
    )
  })

  it(`is imported and required by Node ${OLDEST_NODE}, the lowest it supports`, async ({ skip }) => {
    const node = await project().oldestNode()
    skip(node === undefined, `Node ${OLDEST_NODE} could not be had on this machine`)
    expect(await project().run(moduleScript, { node })).toBe('true ERR_CIRCUIT_OPEN true function')
    expect(await project().run(requireScript, { type: 'commonjs', node })).toBe(
      'false function @mreg/circuit-breaker',
    )
  })

  it('has types that a strict project accepts, library checks included', async () => {
    expect(await project().typeErrors(typedScript)).toBe('')
  })

  it('brings nothing with it and holds no tests', async () => {
    expect(await readdir(join(project().directory, 'node_modules'))).toEqual(['@mreg'])
    expect(await project().filesOf('@mreg/circuit-breaker')).toEqual([
      'README.md',
      'dist',
      'package.json',
      'src',
    ])
  })
})
