import { readdir, readFile } from 'node:fs/promises'

const isWindows = process.platform === 'win32'

/** Sends a signal to every process of the group that `groupId` leads. Gives whether there was any. Not for Windows. */
export const signalGroup = (groupId: number, signal: NodeJS.Signals | 0): boolean => sendTo(-groupId, signal)

/** Sends a signal to one process. Gives whether it was there. */
export const signalProcess = (pid: number, signal: NodeJS.Signals | 0): boolean => sendTo(pid, signal)

/** Whether children get a process group of their own here, so that their descendants can be reached. */
export const hasProcessGroups = !isWindows

const sendTo = (target: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    process.kill(target, signal)
    return true
  } catch {
    return false
  }
}

/**
 * The processes in whose environment `marker` stands (`NAME=value`): what a child has started inherits it, also when it has
 * left the child's process group. Only Linux can tell; elsewhere the list is empty. Finds none that cleared its environment.
 */
export const markedProcesses = async (marker: string): Promise<readonly number[]> => {
  if (process.platform !== 'linux') return []
  const entries = await readdir('/proc').catch((): string[] => [])
  const found = await Promise.all(
    entries
      .filter((name) => /^\d+$/u.test(name))
      .map(async (pid) => ((await carries(pid, marker)) ? [Number(pid)] : [])),
  )
  return found.flat().filter((pid) => pid !== process.pid)
}

const carries = async (pid: string, marker: string): Promise<boolean> => {
  try {
    // Latin-1 keeps every byte; the variables are separated by NUL.
    return `\0${await readFile(`/proc/${pid}/environ`, 'latin1')}`.includes(`\0${marker}\0`)
  } catch {
    // Gone, or somebody else's.
    return false
  }
}
