import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import type { StdioServerCommand } from './stdio-server.ts'

/** Servers of the protocol's authors, as they are on npm. They speak the 2025 era over standard input and output. */
export type PublishedServerName = 'everything' | 'filesystem' | 'memory' | 'sequential-thinking'

/** The command that runs a published server with `args`, without npx: it is installed with this package. */
export function publishedServer(name: PublishedServerName, args: readonly string[] = []): StdioServerCommand {
  const file = createRequire(import.meta.url).resolve(`@modelcontextprotocol/server-${name}/package.json`)
  const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'))
  const bin: unknown =
    typeof manifest === 'object' && manifest !== null && 'bin' in manifest ? manifest.bin : {}
  const [program] = typeof bin === 'string' ? [bin] : Object.values(bin ?? {})
  return { command: process.execPath, args: [join(dirname(file), String(program)), ...args] }
}
