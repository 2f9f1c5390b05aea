import { execFile } from 'node:child_process'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { waitUntil } from '../processes/wait-until.ts'

const run = promisify(execFile)

/** The lowest Node that the libraries support. */
export const OLDEST_NODE = '22.12.0'

/**
 * The binary of {@link OLDEST_NODE}: from the registry, once for all tests of this checkout.
 * @param cacheDirectory - where it is kept between runs
 * @returns undefined where there is none for this machine, or the registry cannot be reached
 */
export async function oldestNode(cacheDirectory: string): Promise<string | undefined> {
  const name = `node-${process.platform}-${process.arch}`
  const kept = join(cacheDirectory, `node-${OLDEST_NODE}`)
  const binary = join(kept, 'node_modules', name, 'bin/node')
  if (await works(binary)) return binary
  await mkdir(cacheDirectory, { recursive: true })
  const lock = `${kept}.lock`
  if (!(await takeLock(lock))) {
    // Another test is fetching it. One that was killed leaves its lock, so that everyone fetches for themselves.
    await waitUntil('the other test', () => works(binary), WAIT).catch(() => undefined)
    if (await works(binary)) return binary
  }
  try {
    await fetchInto(kept, `${name}@${OLDEST_NODE}`)
    return (await works(binary)) ? binary : undefined
  } catch {
    return undefined
  } finally {
    await rm(lock, { force: true })
  }
}

const WAIT = { timeoutMs: 60_000, intervalMs: 500 }

async function takeLock(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, '', { flag: 'wx' })
    return true
  } catch {
    return false
  }
}

async function fetchInto(directory: string, specifier: string): Promise<void> {
  const fresh = `${directory}-${process.pid}-${Date.now()}`
  try {
    await mkdir(fresh, { recursive: true })
    const options = ['--prefix', fresh, '--no-audit', '--no-fund', '--ignore-scripts']
    await run('npm', ['install', ...options, specifier], { cwd: fresh, timeout: 60_000 })
    // Another test may have been quicker: its copy is as good.
    await rename(fresh, directory).catch(() => undefined)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

async function works(binary: string): Promise<boolean> {
  try {
    const { stdout } = await run(binary, ['--version'])
    return stdout.trim() === `v${OLDEST_NODE}`
  } catch {
    return false
  }
}
