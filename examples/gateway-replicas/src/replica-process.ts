import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

import type { Mood, Report } from './replica.ts'

/** For a replica to be given the calls that are waited for, in milliseconds. */
const DEADLINE_MS = 60_000

/** One replica: a process, and the ledger of what it has executed in all of its lives. */
export class ReplicaProcess implements AsyncDisposable {
  readonly name: string
  /** How often each call was executed here. */
  readonly ledger = new Map<string, number>()
  #child: ChildProcess | undefined
  #port = 0
  #awaited: { readonly size: number; readonly resolve: () => void } | undefined

  constructor(name: string) {
    this.name = name
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/mcp`
  }

  /** Starts it: on a free port, or where it was before. */
  async start(): Promise<void> {
    const listening = Promise.withResolvers<number>()
    this.#child = fork(join(import.meta.dirname, 'replica.ts'), [String(this.#port)])
    this.#child.on('message', (report: Report) => {
      if ('port' in report) listening.resolve(report.port)
      else this.#record(report.executed)
    })
    this.#port = await listening.promise
  }

  /** Waits until it has executed so many calls more; fails when it has not for too long. */
  async executed(calls: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#awaited = { size: this.ledger.size + calls, resolve }
    const deadline = setTimeout(() => {
      reject(new Error(`"${this.name}" was not given ${calls} calls within ${DEADLINE_MS} ms`))
    }, DEADLINE_MS)
    try {
      await promise
    } finally {
      clearTimeout(deadline)
    }
  }

  be(mood: Mood): void {
    this.#child?.send(mood)
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  #record(nonce: string): void {
    this.ledger.set(nonce, (this.ledger.get(nonce) ?? 0) + 1)
    if (this.#awaited !== undefined && this.ledger.size >= this.#awaited.size) this.#awaited.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
