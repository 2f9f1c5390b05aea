import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises'
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
import { cacheKey, createMemoryCache, jsonCache } from '@mreg/cache'
import { createRedisCache } from '@mreg/cache/redis'
const cache = createMemoryCache()
const prices = jsonCache(cache, (json) => json)
const load = () => prices.getOrLoad(cacheKey('price', 1), async () => ({ price: 5 }), { ttlMs: 60000, tags: ['prices'] })
const [first, second] = await Promise.all([load(), load()])
const away = createRedisCache({ url: 'redis://127.0.0.1:1', clientSideCache: {} })
const miss = await away.lookup('key')
await away[Symbol.asyncDispose]()
console.log([first.price, second.price, cache.stats().loads, miss.kind].join(' '))
`

const requireScript = `
const { createMemoryCache } = require('@mreg/cache')
const { createRedisCache } = require('@mreg/cache/redis')
console.log(createMemoryCache().stats().kind, typeof createRedisCache, require('@mreg/cache/package.json').name)
`

const typedScript = `
import { type Cache, createMemoryCache, jsonCache } from '@mreg/cache'
import { createRedisCache } from '@mreg/cache/redis'
const cache: Cache = createMemoryCache({ maxEntries: 10 })
const numbers = jsonCache(cache, Number)
export const one: Promise<number | undefined> = numbers.get('one')
// @ts-expect-error -- a misspelt option must not pass
createMemoryCache({ maxEntrys: 10 })
// @ts-expect-error -- a Redis needs an address
createRedisCache({})
`

/** The package as it is published, in an empty project beside what it needs. */
describe('the packed package in a project of a stranger', () => {
  let project = ''
  let lowestNode: string | undefined

  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), 'cache-consumer-'))
    const modules = join(project, 'node_modules')
    await pack(project)
    await mkdir(join(modules, '@mreg'), { recursive: true })
    await run('tar', ['-xzf', 'package.tgz'], { cwd: project })
    await cp(join(project, 'package'), join(modules, '@mreg/cache'), { recursive: true })
    for (const name of ['lru-cache', 'redis']) {
      await symlink(await realpath(join(folder, 'node_modules', name)), join(modules, name))
    }
    await Promise.all([
      writeFile(join(project, 'package.json'), '{ "name": "stranger", "version": "1.0.0" }'),
      writeFile(join(project, 'module.mjs'), moduleScript),
      writeFile(join(project, 'require.cjs'), requireScript),
      writeFile(join(project, 'typed.mts'), typedScript),
    ])
    lowestNode = await lowestSupportedNode(join(project, 'lowest'))
  }, 300_000)

  afterAll(() => rm(project, { recursive: true, force: true }))

  const node = async (binary: string, script: string): Promise<string> =>
    (await run(binary, [script], { cwd: project })).stdout.trim()

  it('is imported as a module by this Node', async () => {
    expect(await node(process.execPath, 'module.mjs')).toBe('5 5 1 unknown')
  })

  it('is required by CommonJS on this Node', async () => {
    expect(await node(process.execPath, 'require.cjs')).toBe('memory function @mreg/cache')
  })

  it(`is imported and required by Node ${LOWEST_NODE}, the lowest it supports`, async ({ skip }) => {
    skip(lowestNode === undefined, `Node ${LOWEST_NODE} could not be had on this machine`)
    assert(lowestNode !== undefined)
    expect((await run(lowestNode, ['--version'])).stdout.trim()).toBe(`v${LOWEST_NODE}`)
    expect(await node(lowestNode, 'module.mjs')).toBe('5 5 1 unknown')
    expect(await node(lowestNode, 'require.cjs')).toBe('memory function @mreg/cache')
  })

  it('has types that a strict project accepts, library checks included', async () => {
    const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2022', '--types', '']
    const libraries = ['--lib', 'es2022,esnext.disposable,dom']
    const complaints = await run(join(tools, 'tsc'), [...options, ...libraries, 'typed.mts'], {
      cwd: project,
    }).then(
      ({ stdout }) => stdout,
      (error: unknown) => error,
    )
    expect(complaints).toBe('')
  })

  it('holds what it says and no tests', async () => {
    const files = await readdir(join(project, 'node_modules/@mreg/cache'))
    expect(files.toSorted()).toEqual(['README.md', 'dist', 'package.json', 'src'])
  })
})

/** Builds apart from the package's own folder, which others may be using, and packs to `package.tgz` in `project`. */
async function pack(project: string): Promise<void> {
  const staged = join(project, 'staged')
  await mkdir(staged)
  await run(join(tools, 'tsup'), ['--out-dir', join(staged, 'dist')], { cwd: folder })
  await run(join(tools, 'tsc'), ['-p', 'tsconfig.build.json', '--outDir', join(staged, 'dist')], {
    cwd: folder,
  })
  for (const name of ['README.md', 'package.json', 'src']) {
    await cp(join(folder, name), join(staged, name), { recursive: true })
  }
  const packing = ['pack', '--json', '--ignore-scripts', '--pack-destination', project]
  await run('npm', packing, { cwd: staged })
  const tarball = (await readdir(project)).find((file) => file.endsWith('.tgz'))
  await cp(join(project, tarball ?? ''), join(project, 'package.tgz'))
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
