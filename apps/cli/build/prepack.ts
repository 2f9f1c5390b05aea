import { execFileSync } from 'node:child_process'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { type Manifest, publishedManifest } from './published-manifest.ts'

// Before the package is packed: builds it and, where npm packs, writes down the real versions of what it needs. pnpm
// knows what `catalog:` and `workspace:` mean; npm would pack the words. `postpack` puts the manifest back.
const directory = join(import.meta.dirname, '..')
const manifestFile = join(directory, 'package.json')

execFileSync('npm', ['run', 'build'], {
  cwd: directory,
  stdio: ['ignore', 2, 2],
  shell: process.platform === 'win32',
})

if (process.env['npm_config_user_agent']?.startsWith('npm/') === true) {
  const manifest: Manifest = JSON.parse(await readFile(manifestFile, 'utf8'))
  const workspace = await readFile(join(directory, '..', '..', 'pnpm-workspace.yaml'), 'utf8')
  await copyFile(manifestFile, `${manifestFile}.kept`)
  await writeFile(manifestFile, `${JSON.stringify(publishedManifest(manifest, workspace), null, 2)}\n`)
}
