import { rm } from 'node:fs/promises'

import type { DataDirectory } from './data-directory.ts'
import { DumpSchedule } from './dump-schedule.ts'
import type { EngineThread } from './engine-thread.ts'
import { type DumpReason, dumpsIn, removeOldDumps } from './files/dump-files.ts'

/** What dumps are made of, and how. */
export interface DumpsOptions {
  readonly directory: DataDirectory
  /** How old the newest dump may become, in milliseconds. */
  readonly intervalMs: number
  /** How many of each reason are kept. */
  readonly keep: number
  /** The thread in which the database is open. */
  readonly engine: () => Promise<EngineThread>
  /** Runs `work` when no statement runs, and lets none run meanwhile. */
  readonly alone: (work: () => Promise<void>) => Promise<void>
  /** Is told why a daily dump could not be made. */
  readonly onError: (error: unknown) => void
}

/** The dumps that an open database makes of itself. */
export class Dumps {
  readonly #options: DumpsOptions
  readonly #schedule: DumpSchedule

  constructor(options: DumpsOptions) {
    this.#options = options
    this.#schedule = new DumpSchedule({
      intervalMs: options.intervalMs,
      newest: () => this.#newest(),
      dump: () => this.#make('daily', options.alone),
      onError: options.onError,
    })
    this.#schedule.start()
  }

  /** Makes a dump before migrations. Whoever calls it has the connection. */
  async beforeMigrations(): Promise<void> {
    await this.#make('migration', (work) => work())
  }

  stop(): void {
    this.#schedule.stop()
  }

  /** Statements wait only while the files are copied; packing them takes ten times as long. */
  async #make(reason: DumpReason, alone: DumpsOptions['alone']): Promise<void> {
    const { directory, keep } = this.#options
    const engine = await this.#options.engine()
    const file = await directory.newDump(reason)
    const copy = directory.newCopy()
    try {
      await alone(() => engine.copy(copy))
      await engine.pack(copy, file)
    } catch (error) {
      await rm(copy, { recursive: true, force: true })
      throw error
    }
    await removeOldDumps(directory.dumps, keep)
  }

  async #newest(): Promise<Date | undefined> {
    const dumps = await dumpsIn(this.#options.directory.dumps)
    // One from the future is from before the clock was set right.
    return dumps.find(({ createdAt }) => createdAt.getTime() <= Date.now())?.createdAt
  }
}
