import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

import { FETCHED_NODE_VERSION } from './required-node.ts'

/** Long, for a slow line: it is some 50 MB. */
const FETCH_MS = 600_000

/**
 * A Node.js that is new enough, from the npm registry, kept in the user's cache.
 *
 * @param say is told when something is fetched, which takes a while.
 * @returns the path of its executable.
 * @throws {Error} with what npm said, when it cannot be had.
 */
export const fetchNode = async (say: (text: string) => void): Promise<string> => {
  const directory = join(cacheDirectory(), `node-${FETCHED_NODE_VERSION}`)
  const executable = join(
    directory,
    'node_modules',
    packageName(),
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  )
  if (existsSync(executable)) return executable
  say(
    `mreg: Node.js ${process.versions.node} is too old; fetching Node.js ${FETCHED_NODE_VERSION} once, into ${directory}`,
  )
  await mkdir(dirname(directory), { recursive: true })
  // Beside the place where it goes, and moved there whole: several may come at once, and any may be interrupted.
  const draft = await mkdtemp(`${directory}-`)
  try {
    await npmInstall(draft, `${packageName()}@${FETCHED_NODE_VERSION}`)
    await rename(draft, directory).catch((error: unknown) => {
      if (!existsSync(executable)) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return executable
}

/** Under which names the builds of Node.js are in the registry. */
const packageName = (): string => {
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const prefix = platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'
  return `${prefix}-${platform}-${process.arch}`
}

const cacheDirectory = (): string => {
  if (process.platform === 'win32')
    return join(process.env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'mreg', 'cache')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'mreg')
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'mreg')
}

const npmInstall = async (directory: string, name: string): Promise<void> => {
  const args = [
    'install',
    '--prefix',
    directory,
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    name,
  ]
  // Under npx, this is the npm that runs us; it needs no shell to be found, not even on Windows.
  const npm = process.env['npm_execpath']
  const child =
    npm === undefined || !npm.endsWith('.js')
      ? spawn('npm', args, { stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' })
      : spawn(process.execPath, [npm, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)))
  const timer = setTimeout(() => child.kill(), FETCH_MS)
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve)
    })
    if (code !== 0) throw new Error(`npm could not install ${name}: ${said.trim()}`)
  } finally {
    clearTimeout(timer)
  }
}
