import { access, mkdir, readFile, realpath } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { ManagedProcess, startEverythingServer, waitUntil } from '@mreg/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { publishedManifest } from '../build/published-manifest.ts'
import { userDataDirectory } from '../src/gateway-client/data-directories.ts'
import { isRequiredNode } from '../src/node/required-node.ts'
import { type CommandEnd, runProgram, temporaryDirectory } from './support/command.ts'

const packageDirectory = fileURLToPath(new URL('..', import.meta.url))

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let home: string
let installation: string
/** Nothing of this repository: an empty home, this Node.js, and npm with the packages that it has fetched before. */
let environment: Readonly<Record<string, string>>

const mreg = (args: readonly string[], workingDirectory = home): Promise<CommandEnd> =>
  runProgram(join(installation, 'node_modules', '.bin', 'mreg'), args, { environment, workingDirectory })

beforeAll(async () => {
  directory = await temporaryDirectory()
  const root = await realpath(directory.path)
  home = join(root, 'home')
  installation = join(root, 'installation')
  await Promise.all([mkdir(home), mkdir(installation)])
  environment = {
    ...networkEnvironment(),
    HOME: home,
    PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
    npm_config_cache: process.env['npm_config_cache'] ?? join(homedir(), '.npm'),
    npm_config_prefer_offline: 'true',
    MREG_PORT: '0',
  }
  await access(join(packageDirectory, 'dist', 'initial-database.tar.gz'))
  const [pnpm, ...args] = pnpmCommand()
  const packed = await runProgram(
    pnpm,
    [...args, 'pack', '--config.ignore-scripts=true', '--out', join(root, 'mreg.tgz')],
    {
      environment: { ...environment, HOME: homedir() },
      workingDirectory: packageDirectory,
      timeoutMs: 180_000,
    },
  )
  expect(packed).toMatchObject({ code: 0 })
  const installed = await runProgram('npm', ['install', '--no-audit', '--no-fund', join(root, 'mreg.tgz')], {
    environment,
    workingDirectory: installation,
    timeoutMs: 180_000,
  })
  expect(installed).toMatchObject({ code: 0 })
}, 400_000)

afterAll(() => directory[Symbol.asyncDispose]())

/** For tests that start a gateway. */
const LONG = { timeout: 180_000 }

test('the package holds the programs and the database to start from, and names real versions', async () => {
  const manifest = JSON.parse(
    await readFile(join(installation, 'node_modules', 'mreg', 'package.json'), 'utf8'),
  )
  const own = JSON.parse(await readFile(join(packageDirectory, 'package.json'), 'utf8'))
  const workspace = await readFile(join(packageDirectory, '..', '..', 'pnpm-workspace.yaml'), 'utf8')
  expect(manifest.dependencies).toEqual(publishedManifest(own, workspace).dependencies)
  expect(JSON.stringify(manifest.dependencies)).not.toMatch(/catalog:|workspace:|@mreg\//u)
  for (const file of ['mreg.js', 'gateway.js', 'worker.js', 'initial-database.tar.gz'])
    await access(join(installation, 'node_modules', 'mreg', 'dist', file))
})

test(
  'in an empty directory, with an empty home: started without a command, and used without a key',
  LONG,
  async () => {
    await using everything = await startEverythingServer()
    await using gateway = new ManagedProcess({
      command: join(installation, 'node_modules', '.bin', 'mreg'),
      environment,
      workingDirectory: home,
      orphanSignal: 'SIGTERM',
    })
    const dataDirectory = userDataDirectory(environment)
    await waitUntil(
      'the gateway to be ready',
      () => access(join(dataDirectory, 'endpoint.json')).then(() => true),
      { timeoutMs: 90_000 },
    ).catch((error: unknown) => {
      throw new Error(`${gateway.stdout}\n${gateway.stderr}`, { cause: error })
    })

    // It says so once it serves, a moment after it can be found.
    await waitUntil('the gateway to say what to do next', () =>
      gateway.stdout.includes('mreg add everything http://127.0.0.1:3001/mcp'),
    )
    expect((await mreg(['list'])).stdout).toContain('Nothing is registered yet')
    expect(await mreg(['add', 'everything', everything.url])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('healthy'),
    })
    expect(await mreg(['call', 'everything', 'echo', '--arg', 'message=hello'], '/')).toMatchObject({
      code: 0,
      stdout: 'Echo: hello\n',
    })
    const second = await mreg(['serve'])
    expect(second.code).toBe(1)
    expect(second.stderr).toContain('is in use by another gateway')

    expect(await gateway.stop('SIGTERM', 20_000)).toEqual({ code: 0, signal: null })
    expect((await mreg(['list'])).code).toBe(3)
    await expect(access(join(home, '.mreg'))).rejects.toThrow('ENOENT')
  },
)

const oldNode = await findOldNode()

test.skipIf(oldNode === undefined)(
  'an older Node.js fetches one that is new enough, once, and hands over to it',
  { timeout: 300_000 },
  async () => {
    const old = {
      environment: { ...environment, XDG_CACHE_HOME: join(home, '.cache') },
      workingDirectory: home,
      timeoutMs: 240_000,
    }
    const program = join(installation, 'node_modules', 'mreg', 'dist', 'mreg.js')
    const first = await runProgram(oldNode ?? '', [program, '--version'], old)
    expect(first).toMatchObject({
      code: 0,
      stdout: '0.0.0\n',
      stderr: expect.stringContaining('is too old; fetching'),
    })
    // The exit code and the streams are those of the one that does the work.
    expect(await runProgram(oldNode ?? '', [program, 'nonsense'], old)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^error: unknown command/u),
    })
  },
)

/** How this machine reaches the package registry. */
function networkEnvironment(): Record<string, string> {
  const names =
    /^(https?_proxy|no_proxy|all_proxy|node_extra_ca_certs|ssl_cert_(file|dir)|npm_config_(registry|cafile|(https_)?proxy|noproxy))$/iu
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => names.test(entry[0]) && entry[1] !== undefined,
    ),
  )
}

/** pnpm as it runs us, or else through npx. */
function pnpmCommand(): readonly [string, ...string[]] {
  const running = process.env['npm_execpath']
  return running?.includes('pnpm') === true ? [running] : ['npx', '-y', 'pnpm@12']
}

/** A Node.js on this machine that the product does not run on by itself. */
async function findOldNode(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(folder, process.platform === 'win32' ? 'node.exe' : 'node')
    const { code, stdout } = await runProgram(candidate, ['--version'], { environment: {} })
    if (code === 0 && !isRequiredNode(stdout.trim().replace('v', ''))) return candidate
  }
  return undefined
}
