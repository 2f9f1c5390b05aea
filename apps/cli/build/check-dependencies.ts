import { readdir, readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'

// Runs after the bundle is made: what it imports from npm must be among the dependencies, and nothing else should.
const directory = join(import.meta.dirname, '..')
const manifest: { dependencies: Record<string, string> } = JSON.parse(
  await readFile(join(directory, 'package.json'), 'utf8'),
)
/** A peer of inversify, which nothing here imports. */
const PEERS = new Set(['reflect-metadata'])

const imported = new Set<string>()
for (const file of await readdir(join(directory, 'dist'))) {
  if (!file.endsWith('.js')) continue
  const code = await readFile(join(directory, 'dist', file), 'utf8')
  for (const [, declaredName, calledName] of code.matchAll(
    /^(?:import|export)\b[^'"]*["']([^'"]+)["']|\bimport\(["']([^'"]+)["']\)/gmu,
  )) {
    const name = declaredName ?? calledName ?? ''
    if (name !== '' && !name.startsWith('.') && !isBuiltin(name)) imported.add(packageOf(name))
  }
}
const declared = new Set(Object.keys(manifest.dependencies))
const missing = [...imported].filter((name) => !declared.has(name))
const unused = [...declared].filter((name) => !imported.has(name) && !PEERS.has(name))
if (missing.length > 0) console.error(`apps/cli/package.json: add to "dependencies": ${missing.join(', ')}`)
if (unused.length > 0)
  console.error(`apps/cli/package.json: not needed in "dependencies": ${unused.join(', ')}`)
if (missing.length + unused.length > 0) process.exitCode = 1

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
