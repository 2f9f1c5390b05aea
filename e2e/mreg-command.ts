import { fileURLToPath } from 'node:url'

import { ManagedProcess } from '@mreg/testing'

/** The built command line, which the gateway comes with. */
export const builtCommandLine = fileURLToPath(new URL('../apps/cli/dist/mreg.js', import.meta.url))

/** How a command ended. */
export interface CommandEnd {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `mreg` with that environment until it ends, at most for `timeoutMs`. */
export const runMreg = async (
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  timeoutMs = 60_000,
): Promise<CommandEnd> => {
  await using child = new ManagedProcess({
    command: process.execPath,
    arguments: [builtCommandLine, ...args],
    environment: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', ...environment },
  })
  const timer = setTimeout(() => child.signal('SIGKILL'), timeoutMs)
  const { code } = await child.exited
  clearTimeout(timer)
  return { code, stdout: child.stdout, stderr: child.stderr }
}
