import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { findExecutable } from '../processes/find-executable.ts'
import { freePort } from '../processes/free-port.ts'
import { ManagedProcess } from '../processes/managed-process.ts'
import { guardDirectory } from '../processes/orphan-guard.ts'
import { waitUntil } from '../processes/wait-until.ts'
import { pingRedis } from './redis-connection.ts'
import { describeError, oneLine, ServiceUnavailableError } from './service-unavailable-error.ts'
import type { Report, TestServer } from './test-server.ts'

const run = promisify(execFile)

/** How to find a Redis server. */
export interface RedisServerOptions {
  /** Where to look for a running one. Default 127.0.0.1. */
  readonly host?: string | undefined
  /** Default 6379. */
  readonly port?: number | undefined
  /** Where `MREG_TEST_REDIS_URL` and `PATH` are read. Default: the environment of this process. */
  readonly environment?: NodeJS.ProcessEnv | undefined
  /** False: never install anything. Default: install with apt-get on Debian as root. */
  readonly mayInstall?: boolean | undefined
  /** Receives progress lines. */
  readonly report: Report
}

const remedy =
  'install redis-server (Debian and Ubuntu: apt-get install redis-server; macOS: brew install redis) ' +
  'or set MREG_TEST_REDIS_URL, for example redis://127.0.0.1:6379'

/**
 * A Redis server for the tests: the one that `MREG_TEST_REDIS_URL` names, else one on this machine that lets us in,
 * else `redis-server` from PATH on a free port, which on Debian is installed first if it is missing and we are root.
 * @throws ServiceUnavailableError when there is none
 */
export async function acquireRedisServer(options: RedisServerOptions): Promise<TestServer> {
  const { host = '127.0.0.1', port = 6379, environment = process.env, report } = options
  const given = environment['MREG_TEST_REDIS_URL']
  if (given !== undefined && given !== '') {
    try {
      await pingRedis(given)
    } catch (error) {
      throw new ServiceUnavailableError(
        'Redis',
        `MREG_TEST_REDIS_URL does not work: ${describeError(error)}`,
        'correct it or unset it',
        { cause: error },
      )
    }
    return { url: given, origin: 'from MREG_TEST_REDIS_URL', stop: async () => undefined }
  }
  const local = `redis://${host}:${port}`
  let refusal: string
  try {
    await pingRedis(local)
    return { url: local, origin: 'already running on this machine', stop: async () => undefined }
  } catch (error) {
    refusal = `${host}:${port}: ${describeError(error)}`
  }
  try {
    let executable = await findExecutable('redis-server', environment['PATH'])
    if (executable === undefined && (options.mayInstall ?? true)) {
      executable = await installRedis(environment, report)
    }
    if (executable === undefined) throw new Error('there is no redis-server on PATH')
    report(`starting ${executable} (${refusal})`)
    return await startRedis(executable)
  } catch (error) {
    throw new ServiceUnavailableError('Redis', `${refusal}, and ${describeError(error)}`, remedy, {
      cause: error,
    })
  }
}

/** Installs redis-server where that is ours to do. Undefined: it is not. */
async function installRedis(environment: NodeJS.ProcessEnv, report: Report): Promise<string | undefined> {
  const aptGet = await findExecutable('apt-get', environment['PATH'])
  if (aptGet === undefined || process.getuid?.() !== 0 || !(await isDebian())) return undefined
  report('installing redis-server with apt-get (this can take a minute)')
  const aptOptions = {
    timeout: 300_000,
    maxBuffer: 16 * 1024 * 1024,
    env: { ...environment, DEBIAN_FRONTEND: 'noninteractive' },
  }
  const install = ['install', '--yes', '--no-install-recommends', 'redis-server']
  try {
    await run(aptGet, install, aptOptions)
  } catch {
    // A fresh image has no package lists yet.
    await run(aptGet, ['update'], aptOptions)
    await run(aptGet, install, aptOptions)
  }
  return findExecutable('redis-server', environment['PATH'])
}

async function isDebian(): Promise<boolean> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '')
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release)
}

async function startRedis(executable: string): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), 'mreg-test-redis-'))
  const unguardDirectory = guardDirectory(directory)
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const server = new ManagedProcess({
    command: executable,
    // The last four: keep nothing on disk.
    arguments: ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory].concat([
      '--save',
      '',
      '--appendonly',
      'no',
    ]),
  })
  const stop = async (): Promise<void> => {
    await server.stop()
    await rm(directory, { recursive: true, force: true })
    unguardDirectory()
  }
  try {
    const { failure } = await waitUntil('redis-server to answer', async () => {
      if (!server.isRunning) return { failure: server.stdout + server.stderr }
      await pingRedis(url)
      return { failure: undefined }
    })
    if (failure !== undefined) throw new Error(`redis-server ended at start: ${oneLine(failure)}`)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, origin: `started from ${executable}`, stop }
}
