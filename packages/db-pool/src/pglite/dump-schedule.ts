/** How dumps are made of themselves. */
export interface DumpScheduleOptions {
  /** How old the newest dump may become, in milliseconds. */
  readonly intervalMs: number
  /** When the newest one was made; undefined: there is none. */
  readonly newest: () => Promise<Date | undefined>
  readonly dump: () => Promise<void>
  /** Is told why a dump failed; it is tried again. */
  readonly onError: (error: unknown) => void
}

/** The first look comes when a start is surely over; most processes that end sooner have nothing to keep. */
const FIRST_LOOK_MS = 60_000
/** A machine that sleeps stops the clock of timers, so the age is looked at more often than it changes. */
const LOOK_INTERVAL_MS = 3_600_000

/** Makes a dump whenever the newest one is too old. */
export class DumpSchedule {
  readonly #options: DumpScheduleOptions
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: DumpScheduleOptions) {
    this.#options = options
  }

  start(): void {
    this.#wait(FIRST_LOOK_MS)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #wait(delayMs: number): void {
    if (!this.#stopped) {
      this.#timer = setTimeout(() => void this.#look(), Math.min(delayMs, this.#options.intervalMs)).unref()
    }
  }

  async #look(): Promise<void> {
    const { dump, intervalMs, newest, onError } = this.#options
    try {
      const madeAt = await newest()
      if (madeAt === undefined || Date.now() - madeAt.getTime() >= intervalMs) {
        await dump()
      }
    } catch (error) {
      if (!this.#stopped) {
        onError(error)
      }
    }
    this.#wait(LOOK_INTERVAL_MS)
  }
}
