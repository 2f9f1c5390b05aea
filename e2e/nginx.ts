import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { findExecutable, freePort, ManagedProcess, waitUntil } from '@mreg/testing'

/** An nginx of our own, in front of something. */
export interface Nginx extends AsyncDisposable {
  readonly url: string
  /** Other servers from now on behind the name `upstream`; what is under way ends where it is. At least one. */
  balance(servers: readonly string[]): Promise<void>
}

/** The nginx of this machine; undefined when it has none. Debian keeps it where only root looks. */
export const findNginx = (): Promise<string | undefined> =>
  findExecutable('nginx', `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`)

export interface NginxOptions {
  readonly executable: string
  /** What it keeps on disk goes here. */
  readonly directory: string
  /** Where each path leads; all else about it is as nginx has it when nobody says anything. */
  readonly locations: Readonly<Record<string, string>>
  /** More directives of the server. */
  readonly directives?: readonly string[] | undefined
  /** Addresses such as `127.0.0.1:6734` that locations reach as `http://upstream`. Default none. */
  readonly servers?: readonly string[] | undefined
}

/** Starts one on a free port, and waits until it listens. */
export const startNginx = async ({
  directives = [],
  directory,
  executable,
  locations,
  servers = [],
}: NginxOptions): Promise<Nginx> => {
  await mkdir(directory, { recursive: true })
  const port = await freePort()
  const kept = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (what) => `${what}_temp_path ${join(directory, what)};`,
  )
  const file = join(directory, 'nginx.conf')
  const configuration = (balanced: readonly string[]): readonly string[] => [
    'daemon off;',
    'user root;',
    `pid ${join(directory, 'nginx.pid')};`,
    'error_log stderr;',
    'events {}',
    'http {',
    'access_log off;',
    ...kept,
    // Who is down is told, not guessed from failures.
    ...(balanced.length === 0
      ? []
      : [`upstream upstream { ${balanced.map((server) => `server ${server} max_fails=0;`).join(' ')} }`]),
    'server {',
    `listen 127.0.0.1:${port};`,
    ...directives,
    ...Object.entries(locations).map(([path, target]) => `location ${path} { proxy_pass ${target}; }`),
    '} }',
  ]
  const configure = (balanced: readonly string[]): Promise<void> =>
    writeFile(file, configuration(balanced).join('\n'))
  await configure(servers)
  const child = new ManagedProcess({ command: executable, arguments: ['-e', 'stderr', '-c', file] })
  const url = `http://127.0.0.1:${port}`
  const isListening = async (): Promise<boolean> => {
    if (!child.isRunning) throw new Error(`nginx did not start: ${child.stderr}`)
    return fetch(url).then(
      async (response) => (await response.arrayBuffer(), true),
      () => false,
    )
  }
  await waitUntil('nginx to listen', isListening, { timeoutMs: 20_000 })
  return {
    url,
    async balance(balanced) {
      await configure(balanced)
      child.signal('SIGHUP')
    },
    async [Symbol.asyncDispose]() {
      // Not killed: its workers would go on.
      await child.stop()
    },
  }
}
