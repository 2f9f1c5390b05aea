import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A hosts file and a resolv.conf of a test's own. */
export interface NameFiles extends AsyncDisposable {
  readonly hostsPath: string
  readonly resolvConfPath: string
}

export async function writeNameFiles(
  content: { hosts?: string; resolvConf?: string } = {},
): Promise<NameFiles> {
  const directory = await mkdtemp(join(tmpdir(), 'http-pool-names-'))
  const [hostsPath, resolvConfPath] = [join(directory, 'hosts'), join(directory, 'resolv.conf')]
  await writeFile(hostsPath, content.hosts ?? '')
  await writeFile(resolvConfPath, content.resolvConf ?? '')
  return {
    hostsPath,
    resolvConfPath,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}
