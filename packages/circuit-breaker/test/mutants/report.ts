import { spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { mutants, type Mutant } from './list.ts'

/** Puts each fault into a copy of the source, tries every property on it, and prints which noticed: the mutation score. */
const source = fileURLToPath(new URL('../../src', import.meta.url))
const attempt = fileURLToPath(new URL('try-mutant.ts', import.meta.url))
const TIME_LIMIT_MS = 120_000
const WORKERS = 2

async function noticedBy({ file, find, replace }: Mutant): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'circuit-breaker-mutant-'))
  try {
    await cp(source, folder, { recursive: true })
    const path = join(folder, file)
    const text = await readFile(path, 'utf8')
    await writeFile(
      path,
      text.replace(find, () => replace),
    )
    return await run(join(folder, 'index.ts'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function run(entry: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [attempt, entry, '1'], { stdio: ['ignore', 'pipe', 'pipe'] })
    const output = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
    const timer = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT_MS)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (signal === 'SIGKILL') resolve('it never ends')
      else if (code === 0) resolve(output.stdout.trim())
      else reject(new Error(output.stderr))
    })
  })
}

const waiting = mutants.entries()
const results: { mutant: Mutant; by: string }[] = []
const work = async (): Promise<void> => {
  for (const [index, mutant] of waiting) {
    const by = await noticedBy(mutant)
    results[index] = { mutant, by }
    console.log(`${by === '' ? 'SURVIVED' : 'killed  '}  ${mutant.fault}${by === '' ? '' : ` (${by})`}`)
  }
}
await Promise.all(Array.from({ length: WORKERS }, work))
const killed = results.filter(({ by }) => by !== '').length
console.log(
  `\nmutation score: ${killed} of ${mutants.length} (${Math.round((100 * killed) / mutants.length)} %)`,
)
