import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { afterAll, assert, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const folder = fileURLToPath(new URL('..', import.meta.url))
const LOWEST_NODE = '22.12.0'

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
describe('the packed package in a project of a stranger', () => {
  let project = ''
  let lowestNode: string | undefined

  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), 'circuit-breaker-consumer-'))
    const tools = join(folder, '../../node_modules/.bin')
    await run(join(tools, 'tsup'), [], { cwd: folder })
    await run(join(tools, 'tsc'), ['-p', 'tsconfig.build.json'], { cwd: folder })
    await run('npm', ['pack', '--pack-destination', project, '--ignore-scripts'], { cwd: folder })
    const tarball = (await readdir(project)).find((file) => file.endsWith('.tgz'))
    await writeFile(join(project, 'package.json'), '{ "name": "stranger", "version": "1.0.0" }')
    await run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${tarball}`], { cwd: project })
    await Promise.all([
      writeFile(join(project, 'module.mjs'), moduleScript),
      writeFile(join(project, 'require.cjs'), requireScript),
      writeFile(join(project, 'typed.mts'), typedScript),
    ])
    lowestNode = await lowestSupportedNode(project)
  }, 300_000)

  afterAll(() => rm(project, { recursive: true, force: true }))

  const node = async (binary: string, script: string): Promise<string> =>
    (await run(binary, [script], { cwd: project })).stdout.trim()

  it('is imported as a module by this Node', async () => {
    expect(await node(process.execPath, 'module.mjs')).toBe('true ERR_CIRCUIT_OPEN true function')
  })

  it('is required by CommonJS on this Node', async () => {
    expect(await node(process.execPath, 'require.cjs')).toBe('false function @mreg/circuit-breaker')
  })

  it(`is imported and required by Node ${LOWEST_NODE}, the lowest it supports`, async ({ skip }) => {
    skip(lowestNode === undefined, `Node ${LOWEST_NODE} could not be had on this machine`)
    assert(lowestNode !== undefined)
    expect((await run(lowestNode, ['--version'])).stdout.trim()).toBe(`v${LOWEST_NODE}`)
    expect(await node(lowestNode, 'module.mjs')).toBe('true ERR_CIRCUIT_OPEN true function')
    expect(await node(lowestNode, 'require.cjs')).toBe('false function @mreg/circuit-breaker')
  })

  it('has types that a strict project accepts, library checks included', async () => {
    const compiler = join(folder, '../../node_modules/.bin/tsc')
    const options = [
      '--strict',
      '--noEmit',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--types',
      '',
      '--lib',
      'es2022,dom',
    ]
    expect(await run(compiler, [...options, 'typed.mts'], { cwd: project })).toMatchObject({ stdout: '' })
  })

  it('brings nothing with it and holds no tests', async () => {
    const installed = (await readdir(join(project, 'node_modules'))).filter((name) => !name.startsWith('.'))
    expect(installed).toEqual(['@mreg'])
    const files = await readdir(join(project, 'node_modules/@mreg/circuit-breaker'))
    expect(files.toSorted()).toEqual(expect.arrayContaining(['README.md', 'dist', 'package.json', 'src']))
    expect(files).not.toContain('test')
  })
})

/** The lowest Node that is supported, from the registry where there is a build for this machine; else undefined. */
async function lowestSupportedNode(project: string): Promise<string | undefined> {
  const name = `node-${process.platform}-${process.arch}`
  try {
    const prefix = join(project, 'lowest')
    await run('npm', ['install', '--prefix', prefix, '--no-audit', '--no-fund', `${name}@${LOWEST_NODE}`], {
      cwd: project,
    })
    return createRequire(join(prefix, 'x.js')).resolve(`${name}/bin/node`)
  } catch {
    return undefined
  }
}
