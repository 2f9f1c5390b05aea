import { spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/**
 * Sees to it that nothing outlives the process that started it, not even when that process is killed with SIGKILL:
 * a small watcher process learns what is owned, and clears up when the pipe to it closes.
 * One watcher per process, started at the first use.
 */
let watcher: ChildProcessByStdio<Writable, null, null> | undefined

/**
 * Puts a child under guard until it exits.
 * @param pid - process id of the child; undefined (it never started) is ignored
 * @param signal - what the watcher sends first; SIGKILL follows after 5 s
 * @returns a function that takes the guard off; call it when the child has exited
 */
export function guardProcess(pid: number | undefined, signal: NodeJS.Signals = 'SIGKILL'): () => void {
  if (pid === undefined) return () => undefined
  tell({ add: pid, signal })
  return () => tell({ remove: pid })
}

/** Puts a temporary directory under guard; the returned function takes the guard off. */
export function guardDirectory(path: string): () => void {
  tell({ addDirectory: path })
  return () => tell({ removeDirectory: path })
}

function tell(order: object): void {
  watcher ??= startWatcher()
  watcher.stdin.write(`${JSON.stringify(order)}\n`)
}

function startWatcher(): ChildProcessByStdio<Writable, null, null> {
  const script = fileURLToPath(new URL('orphan-guard-main.ts', import.meta.url))
  // Its own process group, so that Ctrl-C in the terminal does not end it before its work is done.
  const child = spawn(process.execPath, ['--no-warnings', script], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { PATH: process.env['PATH'] },
  })
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  child.unref()
  // The pipe alone must not keep the owner alive.
  ;(child.stdin as Writable & { unref?: () => void }).unref?.()
  return child
}
