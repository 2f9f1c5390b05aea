import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { guardDirectory } from '../processes/orphan-guard.ts'
import { oldestNode } from './oldest-node.ts'
import { type Manifest, packPackage, toolsOf } from './staged-package.ts'

const run = promisify(execFile)

/** What a stranger's project holds. */
export interface ConsumerProjectOptions {
  /** Optional peers of the package that the stranger installed too. Default: none. */
  readonly peers?: readonly string[] | undefined
}

/** How a script is run. */
export interface ConsumerScriptOptions {
  /** `commonjs`: the script says `require`. Default `module`. */
  readonly type?: 'module' | 'commonjs' | undefined
  /** The binary of Node. Default: the one that runs this. */
  readonly node?: string | undefined
  /** More variables of the environment. */
  readonly environment?: NodeJS.ProcessEnv | undefined
}

/**
 * A package of this workspace as it is published, in an empty project of a stranger: built apart, packed, unpacked
 * beside what its manifest declares (and the peers that are named), and nothing else. What it imports without
 * declaring it is not found. Needs no registry.
 *
 * ```ts
 * const project = await ConsumerProject.create(new URL('..', import.meta.url), { peers: ['pg'] }) // in beforeAll, 300 s
 * expect(await project.run(`import { x } from '@mreg/y'; console.log(x())`)).toBe('1')
 * expect(await project.run(`console.log(require('@mreg/y').x())`, { type: 'commonjs' })).toBe('1')
 * expect(await project.typeErrors(`import { x } from '@mreg/y'; const one: number = x()`)).toBe('')
 * await project.remove() // in afterAll
 * ```
 */
export class ConsumerProject implements AsyncDisposable {
  readonly directory: string
  readonly #packageDirectory: string
  readonly #unguard: () => void
  #scripts = 0

  private constructor(directory: string, packageDirectory: string) {
    this.directory = directory
    this.#packageDirectory = packageDirectory
    this.#unguard = guardDirectory(directory)
  }

  /**
   * @param packageDirectory - the folder of the package
   * @throws Error with what the tool said that failed
   */
  static async create(
    packageDirectory: URL,
    { peers = [] }: ConsumerProjectOptions = {},
  ): Promise<ConsumerProject> {
    const folder = fileURLToPath(packageDirectory)
    const project = new ConsumerProject(await mkdtemp(join(tmpdir(), 'mreg-consumer-')), folder)
    try {
      await writeFile(join(project.directory, 'package.json'), '{ "name": "stranger", "version": "1.0.0" }')
      await project.#install(folder)
      for (const peer of peers) await project.#link(peer, folder)
      return project
    } catch (error) {
      await project.remove()
      throw error
    }
  }

  /**
   * Runs a script in the project.
   * @returns what it wrote to stdout, trimmed
   * @throws Error with its stderr when it does not exit with 0 within two minutes
   */
  async run(
    script: string,
    { type = 'module', node = process.execPath, environment = {} }: ConsumerScriptOptions = {},
  ): Promise<string> {
    const file = await this.#write(script, type === 'module' ? 'mjs' : 'cjs')
    const { stdout } = await run(node, [file], {
      cwd: this.directory,
      timeout: 120_000,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
    })
    return stdout.trim()
  }

  /**
   * What a strict compiler says about a script, the declarations of all that it imports included.
   * @param types - packages of types that the stranger has, from what the package itself has. Default: none
   * @returns empty when there is nothing to say
   */
  async typeErrors(script: string, types: readonly string[] = []): Promise<string> {
    for (const name of types) await this.#link(`@types/${name}`, this.#packageDirectory)
    const file = await this.#write(script, 'mts')
    const language = ['--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,esnext.disposable,dom']
    try {
      await run(
        join(toolsOf(this.#packageDirectory), 'tsc'),
        ['--strict', '--noEmit', ...language, '--types', types.join(','), file],
        { cwd: this.directory },
      )
      return ''
    } catch (error) {
      return error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)
    }
  }

  /** The names at the top of an installed package. */
  async filesOf(name: string): Promise<readonly string[]> {
    return (await readdir(this.#modules(name))).toSorted()
  }

  /** The binary of the lowest Node that the libraries support; undefined where it cannot be had. */
  async oldestNode(): Promise<string | undefined> {
    return await oldestNode(join(toolsOf(this.#packageDirectory), '../.cache/mreg'))
  }

  /** Removes the project. Idempotent. */
  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 })
    this.#unguard()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove()
  }

  async #install(packageDirectory: string): Promise<Manifest> {
    const scratch = await mkdtemp(join(this.directory, 'pack-'))
    const { tarball, manifest } = await packPackage(packageDirectory, scratch)
    const target = this.#modules(manifest.name)
    await mkdir(target, { recursive: true })
    await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
    for (const [name, version] of Object.entries(manifest.dependencies ?? {})) {
      await (version.startsWith('workspace:')
        ? this.#install(await realpath(join(packageDirectory, 'node_modules', name)))
        : this.#link(name, packageDirectory))
    }
    await rm(scratch, { recursive: true, force: true })
    return manifest
  }

  async #link(name: string, packageDirectory: string): Promise<void> {
    const found = await realpath(join(packageDirectory, 'node_modules', name)).catch(() =>
      realpath(join(toolsOf(packageDirectory), '..', name)),
    )
    const link = this.#modules(name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(found, link).catch((error: unknown) => {
      // Two packages may need the same.
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
  }

  #modules(name: string): string {
    return join(this.directory, 'node_modules', name)
  }

  async #write(script: string, extension: string): Promise<string> {
    this.#scripts += 1
    const file = `script-${this.#scripts}.${extension}`
    await writeFile(join(this.directory, file), script)
    return file
  }
}
