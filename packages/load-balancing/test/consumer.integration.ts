import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { ConsumerProject, OLDEST_NODE } from '@mreg/testing'
import { afterAll, assert, beforeAll, describe, expect, it } from 'vitest'

const moduleScript = `
import { consistentHash, LoadBalancer } from '@mreg/load-balancing'
const balancer = new LoadBalancer({ strategy: consistentHash(), slowStart: {}, outliers: {} })
balancer.update(['a', 'b', 'c'].map((id) => ({ id, target: 'http://' + id })))
const lease = balancer.acquire(undefined, { key: 'session' })
const second = balancer.pick(undefined, { key: 'session', exclude: [lease.replica] })
lease.success()
console.log([lease.replica.target, second === lease.replica, balancer.stats().length].join(' '))
`

const requireScript = `
const { LoadBalancer } = require('@mreg/load-balancing')
console.log(new LoadBalancer().pick(), require('@mreg/load-balancing/package.json').name)
`

/** What a browser has, and nothing else: no Node, no \`process\`, no timers. */
const browserScript = `
import { readFileSync, readdirSync } from 'node:fs'
import { createContext, Script } from 'node:vm'
const dist = './node_modules/@mreg/load-balancing/dist/'
const text = readFileSync(dist + 'index.js', 'utf8')
const bare = text.replace(/export \\{([^}]*)\\};?/, (_, names) => 'result = {' + names.replace(/ as /g, ': ') + '}')
const context = createContext({ performance: { now: () => 1 }, result: undefined })
new Script(bare).runInContext(context)
const { LoadBalancer } = context.result
const balancer = new LoadBalancer()
balancer.update([{ id: 'a', target: 1 }, { id: 'b', target: 2 }])
const lease = balancer.acquire()
lease.success()
console.log(balancer.stats().reduce((sum, { successes }) => sum + successes, 0), readdirSync(dist).filter((file) => file.endsWith('.js')).join(' '))
`

const typedScript = `
import { type Lease, LoadBalancer, peakEwma, type Strategy } from '@mreg/load-balancing'
const balancer = new LoadBalancer<URL>({ strategy: peakEwma({ decayMs: 5000 }) })
balancer.update([{ id: 'a', target: new URL('http://a') }])
const lease: Lease<URL> | undefined = balancer.acquire()
export const host: string | undefined = lease?.replica.target.host
export const first: Strategy = {
  name: 'first',
  create: () => ({ select: (candidates) => candidates[0] ?? candidates.at(-1)! }),
}
// @ts-expect-error -- a misspelt option must not pass
new LoadBalancer({ slowstart: {} })
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
    expect(await project().run(moduleScript)).toMatch(/^http:\/\/[abc] false 3$/u)
  })

  it('is required by CommonJS on this Node', async () => {
    expect(await project().run(requireScript, { type: 'commonjs' })).toBe('undefined @mreg/load-balancing')
  })

  it('runs where there is nothing but the language and `performance.now`', async () => {
    expect(await project().run(browserScript)).toBe('1 index.js')
  })

  it(`is imported and required by Node ${OLDEST_NODE}, the lowest it supports`, async ({ skip }) => {
    const node = await project().oldestNode()
    skip(node === undefined, `Node ${OLDEST_NODE} could not be had on this machine`)
    // The same key goes to the same replica there.
    expect(await project().run(moduleScript, { node })).toBe(await project().run(moduleScript))
    expect(await project().run(requireScript, { type: 'commonjs', node })).toBe(
      'undefined @mreg/load-balancing',
    )
  })

  it('has types that a strict project accepts, library checks included', async () => {
    expect(await project().typeErrors(typedScript)).toBe('')
  })

  it('brings nothing with it and holds no tests', async () => {
    expect(await readdir(join(project().directory, 'node_modules'))).toEqual(['@mreg'])
    expect(await project().filesOf('@mreg/load-balancing')).toEqual([
      'README.md',
      'dist',
      'package.json',
      'src',
    ])
  })
})
