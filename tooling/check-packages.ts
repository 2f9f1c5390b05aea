/**
 * Packs every package that is published and checks the tarball as its users will see it:
 * publint (strict) for the manifest and the files, attw (profile `esm-only`) for the types.
 * Needs the packages built. Run by `pnpm check`.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))

interface Manifest {
  readonly name: string
  readonly private?: boolean
}

/** What is read of attw's answer. */
interface Analysis {
  readonly types: unknown
  readonly problems?: readonly Readonly<Record<string, unknown>>[]
}

const workingDirectory = await mkdtemp(join(tmpdir(), 'mreg-check-packages-'))
let failures = 0
try {
  for (const folder of (await readdir(join(root, 'packages'))).toSorted()) {
    const packageDirectory = join(root, 'packages', folder)
    const manifest: Manifest = JSON.parse(await readFile(join(packageDirectory, 'package.json'), 'utf8'))
    if (manifest.private === true) continue
    const complaints = await check(packageDirectory)
    process.stdout.write(`${complaints.length === 0 ? 'ok    ' : 'FAILED'} ${manifest.name}\n`)
    for (const complaint of complaints) process.stdout.write(`${complaint.replaceAll(/^/gm, '       ')}\n`)
    if (complaints.length > 0) failures += 1
  }
} finally {
  await rm(workingDirectory, { recursive: true, force: true })
}
if (failures > 0) {
  process.stdout.write(`${failures} ${failures === 1 ? 'package is' : 'packages are'} not fit to publish\n`)
  process.exitCode = 1
}

async function check(packageDirectory: string): Promise<string[]> {
  let tarball: string
  try {
    tarball = await pack(packageDirectory)
  } catch (error) {
    return [`pack: ${outputOf(error)}`]
  }
  return [...(await checkManifest(tarball)), ...(await checkTypes(tarball))]
}

/** What publint says about the manifest and the files that it names. */
async function checkManifest(tarball: string): Promise<string[]> {
  try {
    await run(join(root, 'node_modules', '.bin', 'publint'), ['run', tarball, '--strict'], {
      env: { ...process.env, NO_COLOR: '1' },
    })
    return []
  } catch (error) {
    return [`publint: ${outputOf(error)}`]
  }
}

/** What attw says for the two ways in which ESM is imported; CommonJS and TypeScript's old `node10` are not promised. */
async function checkTypes(tarball: string): Promise<string[]> {
  const command = [tarball, '--profile', 'esm-only', '--format', 'json']
  let output: string
  try {
    const { stdout } = await run(join(root, 'node_modules', '.bin', 'attw'), command, {
      maxBuffer: 16 * 1024 * 1024,
    })
    output = stdout
  } catch (error) {
    // It ends with 1 when it has found something; the findings are on stdout all the same.
    output = outputOf(error)
  }
  let analysis: Analysis
  try {
    ;({ analysis } = JSON.parse(output))
  } catch {
    return [`attw: ${output}`]
  }
  if (analysis.types === false) return ['attw: the package has no types']
  return (analysis.problems ?? [])
    .filter(({ resolutionKind }) => resolutionKind !== 'node10' && resolutionKind !== 'node16-cjs')
    .map(({ kind, ...details }) => `attw: ${String(kind)} ${JSON.stringify(details)}`)
}

/** Packs with the pnpm that runs this script, since only it knows the real versions behind `catalog:` and `workspace:`. */
async function pack(packageDirectory: string): Promise<string> {
  const pnpm = process.env['npm_execpath'] ?? 'pnpm'
  const { stdout } = await run(pnpm, ['pack', '--json', '--pack-destination', workingDirectory], {
    cwd: packageDirectory,
    maxBuffer: 16 * 1024 * 1024,
  })
  const { filename }: { filename: string } = JSON.parse(stdout)
  return filename
}

/** What a failed command printed, or why it did not run. */
function outputOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const parts = ['stdout' in error ? String(error.stdout) : '', 'stderr' in error ? String(error.stderr) : '']
  return parts.join('').trim() || error.message
}
