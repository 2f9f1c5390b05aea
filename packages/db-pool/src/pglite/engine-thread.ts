import type { Worker } from 'node:worker_threads'

import { SessionError } from '../errors/session-error.ts'
import { cloneable } from './cloneable-parameter.ts'
import { EngineLostError } from './engine-lost-error.ts'
import { startWorker } from './start-worker.ts'
import {
  type EngineOrder,
  type EngineReply,
  type EngineRequest,
  type EngineTask,
  OPENING_ID,
  toError,
} from './thread/engine-messages.ts'
import type { EngineResult } from './thread/pglite-engine.ts'

/** How long a database may take to open, in milliseconds: one that was killed replays its log, and is packed before an update. */
const OPENING_MS = 120_000
/** How long it may take to close, in milliseconds. */
const CLOSING_MS = 10_000
interface Pending {
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

/** The thread in which one database is open, seen from outside. */
export class EngineThread {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  readonly #failed = Promise.withResolvers<Error>()
  readonly #ended = Promise.withResolvers<void>()
  #lastId = OPENING_ID
  /** Why the thread is no more, or will not be in a moment. */
  #end: Error | undefined

  private constructor(order: EngineOrder, onNotice: (channel: string, payload: string) => void) {
    this.#worker = startWorker(order)
    this.#worker.on('message', (reply: EngineReply<never>) => {
      if (reply.kind === 'notice') {
        onNotice(reply.channel, reply.payload)
      } else {
        this.#settle(reply)
      }
    })
    this.#worker.on('error', (error) => this.#die(error))
    this.#worker.on('exit', () => {
      this.#die(new Error('the thread ended'))
      this.#ended.resolve()
    })
  }

  /**
   * Starts a thread and opens a database in it.
   *
   * @param onNotice is told what comes on the channels that are listened to.
   * @throws {Error} the database could not be opened: see `stepOf`; no thread is left.
   * @throws {EngineLostError} the thread ended, or took too long.
   */
  static async start(
    order: EngineOrder,
    onNotice: (channel: string, payload: string) => void,
  ): Promise<EngineThread> {
    const thread = new EngineThread(order, onNotice)
    const timer = setTimeout(() => {
      thread.#die(new Error(`the database did not open within ${OPENING_MS} ms`))
    }, OPENING_MS)
    try {
      await thread.#await(OPENING_ID)
      return thread
    } catch (error) {
      thread.#die(new Error('the database did not open', { cause: error }))
      await thread.ended
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  /** Fulfils with the reason when the thread can no longer be used, and nobody asked it to end. */
  get failed(): Promise<Error> {
    return this.#failed.promise
  }

  /** Fulfils when the thread has ended: it writes nothing any more. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /**
   * Runs one statement.
   *
   * @param timeoutMs how long it may run; then the thread is ended, since nothing else stops it. undefined: for ever.
   * @throws {SessionError} reason `statement-timeout`.
   * @throws {EngineLostError} the thread has ended.
   * @throws {Error} what the database says about the statement.
   */
  async query<Row>(
    sql: string,
    parameters: readonly unknown[],
    timeoutMs?: number,
  ): Promise<EngineResult<Row>> {
    const running = this.#ask<EngineResult<Row>>({
      kind: 'query',
      sql,
      parameters: parameters.map(cloneable),
    })
    if (timeoutMs === undefined) {
      return await running
    }
    let overdue: SessionError | undefined
    const timer = setTimeout(() => {
      const message = `a statement ran for more than ${timeoutMs} ms; the thread of the embedded database was ended, and is started again`
      overdue = new SessionError('statement-timeout', message)
      this.#die(overdue)
    }, timeoutMs)
    try {
      return await running
    } catch (error) {
      throw overdue ?? error
    } finally {
      clearTimeout(timer)
    }
  }

  async listen(channel: string): Promise<void> {
    await this.#ask({ kind: 'listen', channel })
  }

  async unlisten(channel: string): Promise<void> {
    await this.#ask({ kind: 'unlisten', channel })
  }

  /** The whole database as a gzipped tarball. */
  async dump(): Promise<Uint8Array<ArrayBuffer>> {
    return await this.#ask<Uint8Array<ArrayBuffer>>({ kind: 'dump' })
  }

  /** Copies the cluster. No statement may run meanwhile. */
  async copy(to: string): Promise<void> {
    await this.#ask({ kind: 'copy', to })
  }

  /** Packs what was copied into a file, and removes the copy. */
  async pack(from: string, file: string): Promise<void> {
    await this.#ask({ kind: 'pack', from, file })
  }

  /** Closes the database and ends the thread. What it does not finish in time is cut. */
  async close(): Promise<void> {
    if (this.#end === undefined) {
      const closing = this.#ask({ kind: 'close' })
      const timer = setTimeout(() => this.#die(new Error('the database did not close in time')), CLOSING_MS)
      await closing.catch(() => {})
      clearTimeout(timer)
    }
    this.#die(new Error('the database was closed'), false)
    await this.#ended.promise
  }

  async #ask<T = void>(task: EngineTask): Promise<T> {
    if (this.#end !== undefined) {
      throw new EngineLostError(this.#end.message, false, { cause: this.#end })
    }
    this.#lastId += 1
    const request: EngineRequest = { id: this.#lastId, task }
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    this.#worker.postMessage(request)
    return await this.#await<T>(request.id)
  }

  #await<T = void>(id: number): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      // Only a task keeps the program alive, as an idle database in this thread would not.
      this.#worker.ref()
    })
  }

  #settle(reply: Exclude<EngineReply<never>, { readonly kind: 'notice' }>): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if (this.#pending.size === 0) {
      this.#worker.unref()
    }
    if (reply.kind === 'done') {
      pending?.resolve(reply.value)
    } else {
      pending?.reject(toError(reply.error))
    }
  }

  /** Only the first reason counts. */
  #die(reason: Error, unexpected = true): void {
    if (this.#end !== undefined) {
      return
    }
    this.#end = reason
    for (const { reject } of this.#pending.values()) {
      reject(new EngineLostError(reason.message, true, { cause: reason }))
    }
    this.#pending.clear()
    void this.#worker.terminate()
    if (unexpected) {
      this.#failed.resolve(reason)
    }
  }
}
