import type { ServerRoute } from '../route-table.ts'
import type { CatalogSettings } from './catalog-settings.ts'
import type { LookedAt, SharedLooks } from './shared-looks.ts'

/** How a server did when it was asked last. */
export interface LastLook {
  /** How often in a row it has not said what it offers. */
  readonly failures: number
  /** Whether it is told when another look makes sense: a server that wants a login wants none of our questions before. */
  readonly isTold: boolean
  /** For how long its lists are good, as it said, in milliseconds; undefined: it did not say. */
  readonly ttlMs: number | undefined
}

export type LookTimes = Pick<CatalogSettings, 'minRefreshMs' | 'refreshMs' | 'retryMs'>

export interface LookScheduleOptions {
  readonly timeouts: LookTimes
  /** What several gateways tell each other; undefined: there is but this one. */
  readonly looks?: SharedLooks | undefined
  /** How many processes of a server run here; undefined: it is reached by a URL. */
  readonly processesOf: (route: ServerRoute) => number | undefined
  /** Asks the server. */
  readonly look: () => void
}

/** The least that is made of a time by chance: it is a quarter shorter or longer, lest everything happen at once. */
const LEAST_JITTER = 0.75

/**
 * When one server is asked again: when what it said is no longer good, within bounds, and sooner when it did not answer. A process
 * is neither started nor kept only to be asked again: it is asked after it was started anew. Of other servers that work it is
 * enough that one of several gateways asks.
 */
export class LookSchedule {
  readonly #options: LookScheduleOptions
  #timer: NodeJS.Timeout | undefined
  /** Whether no process of the server ran when that was looked at last. */
  #wasAsleep = false

  constructor(options: LookScheduleOptions) {
    this.#options = options
  }

  /** Whether the server would be started if it were asked. */
  isAsleep(route: ServerRoute): boolean {
    this.#wasAsleep = this.#options.processesOf(route) === 0
    return this.#wasAsleep
  }

  /** It was asked, and answered: no other gateway need ask as long as this one will not. */
  answered(looked: LookedAt, last: LastLook): void {
    this.#wasAsleep = false
    void this.#options.looks?.note(looked, this.#pauseAfter(last) * LEAST_JITTER)
  }

  /** Sets when it is asked again. */
  next(route: ServerRoute, looked: LookedAt, last: LastLook): void {
    const onTime = async (): Promise<void> => {
      const timer = this.#timer
      const isIdle = last.failures === 0 && (await this.#needNotBeAsked(route, looked))
      // It may have been asked or ended meanwhile.
      if (this.#timer !== timer) return
      if (isIdle) this.next(route, looked, last)
      else this.#options.look()
    }
    this.end()
    const inMs = this.#pauseAfter(last) * (LEAST_JITTER + Math.random() / 2)
    this.#timer = setTimeout(() => void onTime(), inMs).unref()
  }

  /** It is not asked again before `next`. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  async #needNotBeAsked(route: ServerRoute, looked: LookedAt): Promise<boolean> {
    const { looks, processesOf } = this.#options
    if (processesOf(route) === undefined) return (await looks?.isRecent(looked)) === true
    const wasAsleep = this.#wasAsleep
    return this.isAsleep(route) || !wasAsleep
  }

  #pauseAfter({ failures, isTold, ttlMs }: LastLook): number {
    const { minRefreshMs, refreshMs, retryMs } = this.#options.timeouts
    if (failures > 0 && !isTold) return Math.min(refreshMs, retryMs * 2 ** (failures - 1))
    return Math.min(refreshMs, Math.max(minRefreshMs, ttlMs ?? refreshMs))
  }
}
