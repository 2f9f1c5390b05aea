import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'

import { hasProcessGroups } from './process-group.ts'

/** Every child of a guard, and whatever it starts, has this variable in its environment. */
export const MARKER_NAME = 'MCP_CHILD_OF'

/**
 * What the watcher runs. It learns over its input which process groups there are ("+ID" and "-ID"). The input ends when
 * the process that writes it ends, by SIGKILL too. What is left then, by group and (on Linux) by the marker, gets TERM and,
 * two seconds later, KILL.
 */
const WATCHER = [
  "trap '' HUP INT TERM",
  "groups=' '",
  'while IFS= read -r order; do',
  '  id=${order#?}',
  '  case $order in',
  '    +*) groups="$groups$id " ;;',
  '    -*) case $groups in *" $id "*) groups="${groups%%" $id "*} ${groups#*" $id "}" ;; esac ;;',
  '  esac',
  'done',
  'marker=$1 left=',
  'tell_all() {',
  '  for id in $groups; do kill "-$1" "-$id" 2>/dev/null && left=1; done',
  '  for file in $(grep -lsa -F -e "$marker" /proc/[0-9]*/environ 2>/dev/null); do',
  '    id=${file#/proc/}',
  '    kill "-$1" "${id%/environ}" 2>/dev/null && left=1',
  '  done',
  '}',
  'tell_all TERM',
  '[ -n "$left" ] || exit 0',
  'sleep 2',
  'tell_all KILL',
].join('\n')

/**
 * Sees to it that no child outlives this process, not even when this process is killed: a shell of about one megabyte
 * waits beside it for its end. Started with the first child. On Windows there is none; there a child has only the end of its
 * input to go by.
 */
export class ChildGuard implements AsyncDisposable {
  readonly #id = randomUUID()
  readonly #groups = new Set<number>()
  #watcher: ChildProcess | undefined
  #closed = false

  /** A value for the marker of one more child. */
  nextMark(): string {
    return `${this.#id}.${randomUUID()}`
  }

  /** Call before a child is started, so that no moment is left unguarded. */
  prepare(): void {
    if (this.#closed || !hasProcessGroups) return
    this.#watcher ??= this.#start()
  }

  /** Takes a process group under guard. Gives the function that lets go of it: call it when the group has ended. */
  add(groupId: number): () => void {
    if (this.#watcher !== undefined) this.#tell(`+${groupId}`)
    this.#groups.add(groupId)
    // A watcher that is started now is told of all groups.
    this.prepare()
    return () => {
      if (this.#groups.delete(groupId)) this.#tell(`-${groupId}`)
    }
  }

  /** Lets the watcher go; what is still under guard is ended by it. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    const watcher = this.#watcher
    this.#watcher = undefined
    if (watcher?.pid === undefined) return
    watcher.stdin?.end()
    if (this.#groups.size > 0 || watcher.exitCode !== null || watcher.signalCode !== null) return
    watcher.ref()
    await once(watcher, 'exit').catch(() => {})
  }

  #start(): ChildProcess {
    const watcher = spawn('/bin/sh', ['-c', WATCHER, 'mcp-child-guard', `${MARKER_NAME}=${this.#id}`], {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['pipe', 'ignore', 'ignore'],
      // A group of its own: a signal from the terminal, or to our group, must not end it before its work is done.
      detached: true,
    })
    watcher.on('error', () => {})
    watcher.stdin.on('error', () => {})
    watcher.once('exit', () => {
      if (this.#watcher === watcher) this.#watcher = undefined
      // Somebody ended it. While there are children there must be one.
      if (this.#closed || this.#groups.size === 0) return
      setTimeout(() => this.#replace(), 1_000).unref()
    })
    // Neither the watcher nor the pipe to it keeps this process alive.
    watcher.unref()
    unref(watcher.stdin)
    for (const groupId of this.#groups) watcher.stdin.write(`+${groupId}\n`)
    return watcher
  }

  #replace(): void {
    if (this.#groups.size > 0) this.prepare()
  }

  #tell(order: string): void {
    this.#watcher?.stdin?.write(`${order}\n`)
  }
}

const unref = (stream: object): void => {
  if ('unref' in stream && typeof stream.unref === 'function') stream.unref()
}
