import { execFile } from 'node:child_process'
import { chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import type { UnprivilegedUser } from './postgres-binaries.ts'

const run = promisify(execFile)

/** What a cluster is made of. */
export interface ClusterParts {
  readonly directory: string
  readonly binaries: string
  readonly user: UnprivilegedUser | undefined
  readonly password: string
  readonly port: number
  readonly settings: Readonly<Record<string, string>>
}

/** The data directory below the server's own. */
export const dataOf = (directory: string): string => join(directory, 'data')

/** Runs `initdb`. */
export async function createCluster({ binaries, directory, password, user }: ClusterParts): Promise<void> {
  const passwordFile = join(directory, 'password')
  await mkdir(dataOf(directory), { mode: 0o700 })
  if (user !== undefined) await chown(dataOf(directory), user.uid, user.gid)
  await writeOwned(passwordFile, `${password}\n`, user)
  await run(
    join(binaries, 'initdb'),
    [
      `--pgdata=${dataOf(directory)}`,
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--no-locale',
      '--no-sync',
    ],
    { ...user, cwd: directory, timeout: 60_000 },
  )
}

/** @returns the settings that make the server use them */
export async function writeCertificate(
  { directory, user }: ClusterParts,
  { cert, key }: { readonly cert: string; readonly key: string },
): Promise<Record<string, string>> {
  const [certFile, keyFile] = [join(directory, 'server.crt'), join(directory, 'server.key')]
  await writeOwned(certFile, cert, user)
  await writeOwned(keyFile, key, user)
  return { ssl: 'on', ssl_cert_file: certFile, ssl_key_file: keyFile }
}

/** Writes a file that the server may read, and nobody else. */
export async function writeOwned(
  file: string,
  text: string,
  user: UnprivilegedUser | undefined,
): Promise<void> {
  await writeFile(file, text, { mode: 0o600 })
  if (user !== undefined) await chown(file, user.uid, user.gid)
}
