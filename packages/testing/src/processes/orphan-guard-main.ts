import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'

/**
 * Runs as a process of its own. It is told over stdin which processes and directories its parent owns.
 * When stdin ends, which also happens when the parent is killed with SIGKILL, it ends and removes what is left.
 */
type Order =
  | { readonly add: number; readonly signal: NodeJS.Signals }
  | { readonly remove: number }
  | { readonly addDirectory: string }
  | { readonly removeDirectory: string }

const processes = new Map<number, NodeJS.Signals>()
const directories = new Set<string>()

for await (const line of createInterface({ input: process.stdin })) {
  const order: Order = JSON.parse(line)
  if ('add' in order) processes.set(order.add, order.signal)
  else if ('remove' in order) processes.delete(order.remove)
  else if ('addDirectory' in order) directories.add(order.addDirectory)
  else directories.delete(order.removeDirectory)
}

for (const [pid, signal] of processes) send(pid, signal)
const deadline = Date.now() + 5000
while (Date.now() < deadline && [...processes.keys()].some((pid) => send(pid, 0))) {
  await new Promise((resolve) => setTimeout(resolve, 50))
}
for (const pid of processes.keys()) send(pid, 'SIGKILL')
for (const directory of directories) {
  await rm(directory, { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined)
}

/** True when the process was there to receive the signal. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
