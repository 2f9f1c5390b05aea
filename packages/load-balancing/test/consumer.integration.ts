import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { afterAll, assert, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const folder = fileURLToPath(new URL('..', import.meta.url))
const tools = join(folder, '../../node_modules/.bin')
const LOWEST_NODE = '22.12.0'

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
describe('the packed package in a project of a stranger', () => {
  let project = ''
  let lowestNode: string | undefined

  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), 'load-balancing-consumer-'))
    const tarball = await pack(project)
    await writeFile(join(project, 'package.json'), '{ "name": "stranger", "version": "1.0.0" }')
    await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: project })
    await Promise.all([
      writeFile(join(project, 'module.mjs'), moduleScript),
      writeFile(join(project, 'require.cjs'), requireScript),
      writeFile(join(project, 'browser.mjs'), browserScript),
      writeFile(join(project, 'typed.mts'), typedScript),
    ])
    lowestNode = await lowestSupportedNode(join(project, 'lowest'))
  }, 300_000)

  afterAll(() => rm(project, { recursive: true, force: true }))

  const node = async (binary: string, script: string): Promise<string> =>
    (await run(binary, [script], { cwd: project })).stdout.trim()

  it('is imported as a module by this Node', async () => {
    expect(await node(process.execPath, 'module.mjs')).toMatch(/^http:\/\/[abc] false 3$/u)
  })

  it('is required by CommonJS on this Node', async () => {
    expect(await node(process.execPath, 'require.cjs')).toBe('undefined @mreg/load-balancing')
  })

  it('runs where there is nothing but the language and `performance.now`', async () => {
    expect(await node(process.execPath, 'browser.mjs')).toBe('1 index.js')
  })

  it(`is imported and required by Node ${LOWEST_NODE}, the lowest it supports`, async ({ skip }) => {
    skip(lowestNode === undefined, `Node ${LOWEST_NODE} could not be had on this machine`)
    assert(lowestNode !== undefined)
    expect((await run(lowestNode, ['--version'])).stdout.trim()).toBe(`v${LOWEST_NODE}`)
    // The same key goes to the same replica there.
    expect(await node(lowestNode, 'module.mjs')).toBe(await node(process.execPath, 'module.mjs'))
    expect(await node(lowestNode, 'require.cjs')).toBe('undefined @mreg/load-balancing')
  })

  it('has types that a strict project accepts, library checks included', async () => {
    const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2022', '--types', '']
    const libraries = ['--lib', 'es2022,dom']
    const complaints = await run(join(tools, 'tsc'), [...options, ...libraries, 'typed.mts'], {
      cwd: project,
    }).then(
      ({ stdout }) => stdout,
      (error: unknown) => error,
    )
    expect(complaints).toBe('')
  })

  it('brings nothing with it and holds no tests', async () => {
    const installed = (await readdir(join(project, 'node_modules'))).filter((name) => !name.startsWith('.'))
    expect(installed).toEqual(['@mreg'])
    const files = await readdir(join(project, 'node_modules/@mreg/load-balancing'))
    expect(files.toSorted()).toEqual(['README.md', 'dist', 'package.json', 'src'])
  })
})

/** Builds apart from the package's own folder, which others may be using, and packs. Gives the tarball. */
async function pack(project: string): Promise<string> {
  const staged = join(project, 'staged')
  const dist = join(staged, 'dist')
  await mkdir(staged)
  await run(join(tools, 'tsup'), ['--out-dir', dist], { cwd: folder })
  await run(join(tools, 'tsc'), ['-p', 'tsconfig.build.json', '--outDir', dist], { cwd: folder })
  for (const name of ['README.md', 'package.json', 'src']) {
    await cp(join(folder, name), join(staged, name), { recursive: true })
  }
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', project], { cwd: staged })
  const tarball = (await readdir(project)).find((file) => file.endsWith('.tgz'))
  return `./${tarball}`
}

/** The lowest Node that is supported, from the registry where there is a build for this machine; else undefined. */
async function lowestSupportedNode(prefix: string): Promise<string | undefined> {
  const name = `node-${process.platform}-${process.arch}`
  try {
    await mkdir(prefix)
    const install = ['install', '--prefix', prefix, '--no-audit', '--no-fund', `${name}@${LOWEST_NODE}`]
    await run('npm', install, { cwd: prefix })
    return createRequire(join(prefix, 'x.js')).resolve(`${name}/bin/node`)
  } catch {
    return undefined
  }
}
