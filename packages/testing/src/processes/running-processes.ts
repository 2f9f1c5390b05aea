import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** One process of this machine. */
export interface RunningProcess {
  readonly pid: number
  readonly parentPid: number
  readonly groupId: number
  /** Its command line. */
  readonly command: string
}

/** The processes whose command line holds `text`. One that has ended and is not yet waited for does not count. */
export async function runningProcesses(text: string): Promise<readonly RunningProcess[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,ppid=,pgid=,stat=,args='], {
    maxBuffer: 16 * 1024 * 1024,
  })
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parentPid, groupId, state, command] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/u.exec(line) ?? []
    if (command === undefined || state?.startsWith('Z') === true || !command.includes(text)) return []
    return [{ pid: Number(pid), parentPid: Number(parentPid), groupId: Number(groupId), command }]
  })
}

/** The processes that a process has started, and those that these have started, and so on. */
export async function descendantsOf(pid: number): Promise<readonly RunningProcess[]> {
  const all = await runningProcesses('')
  const found = new Map<number, RunningProcess>()
  const lookBelow = (parent: number): void => {
    for (const running of all) {
      if (running.parentPid !== parent || found.has(running.pid)) continue
      found.set(running.pid, running)
      lookBelow(running.pid)
    }
  }
  lookBelow(pid)
  return [...found.values()]
}

/** Whether a process runs. One that has ended and is not yet waited for does not. */
export async function isProcessRunning(pid: number): Promise<boolean> {
  return (await runningProcesses('')).some((running) => running.pid === pid)
}
