import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/**
 * Runs this same program under another Node.js, as if it were that from the start: the same arguments, the same
 * terminal, the same end.
 *
 * @returns the exit code.
 */
export const runUnder = async (node: string): Promise<number> => {
  const child = spawn(node, process.argv.slice(1), { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  // Ctrl+C reaches both of us from the terminal; sent a second time it would mean "at once".
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT')
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? 128 + (constants.signals[signal ?? 'SIGKILL'] ?? 0)))
  })
}
