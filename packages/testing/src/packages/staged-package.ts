import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What is read of a package's manifest. */
export interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
}

/** Where the tools of the workspace are. */
export const toolsOf = (packageDirectory: string): string => join(packageDirectory, '../../node_modules/.bin')

/**
 * Builds a package and packs what it would publish, apart from its own folder, which others may be using.
 * @param scratch - an empty folder of the caller's
 * @returns the path of the tarball, and the manifest in it
 * @throws Error with what the tool said that failed
 */
export async function packPackage(
  packageDirectory: string,
  scratch: string,
): Promise<{ tarball: string; manifest: Manifest }> {
  const tools = toolsOf(packageDirectory)
  const staged = join(scratch, 'staged')
  await mkdir(staged, { recursive: true })
  await run(join(tools, 'tsup'), ['--out-dir', join(staged, 'dist')], { cwd: packageDirectory })
  await run(join(tools, 'tsc'), ['-p', 'tsconfig.build.json', '--outDir', join(staged, 'dist')], {
    cwd: packageDirectory,
  })
  for (const name of ['README.md', 'package.json', 'src', 'test']) {
    await cp(join(packageDirectory, name), join(staged, name), { recursive: true })
  }
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', scratch], { cwd: staged })
  const tarball = (await readdir(scratch)).find((file) => file.endsWith('.tgz'))
  if (tarball === undefined) throw new Error(`npm packed nothing of ${packageDirectory}`)
  const manifest: Manifest = JSON.parse(await readFile(join(staged, 'package.json'), 'utf8'))
  return { tarball: join(scratch, tarball), manifest }
}
