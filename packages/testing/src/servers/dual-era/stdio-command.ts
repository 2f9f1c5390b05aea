import { fileURLToPath } from 'node:url'

import type { StdioServerCommand } from '../stdio-server.ts'

const program = fileURLToPath(new URL('dual-era-server-main.ts', import.meta.url))

/** The command that runs the server with everything over standard input and output, in one era. */
export const dualEraStdioServer = (era: 'legacy' | 'modern'): StdioServerCommand => ({
  command: process.execPath,
  args: ['--no-warnings', program, `--stdio=${era}`],
})
