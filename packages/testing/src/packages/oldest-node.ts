import { execFile } from 'node:child_process'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

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
  const fresh = `${kept}-${process.pid}-${Date.now()}`
  try {
    await mkdir(fresh, { recursive: true })
    const options = ['--prefix', fresh, '--no-audit', '--no-fund', '--ignore-scripts']
    await run('npm', ['install', ...options, `${name}@${OLDEST_NODE}`], { cwd: fresh, timeout: 120_000 })
    // Another test may have been quicker: its copy is as good.
    await rename(fresh, kept).catch(() => undefined)
    return (await works(binary)) ? binary : undefined
  } catch {
    return undefined
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
