import type { EndpointProbe, Logger } from '@mreg/core'
import type { EndpointTarget } from '@mreg/upstream'

import type { ProbeSchedule, ProbeTurn } from './schedule/probe-schedule.ts'

export interface ProbeLoopOptions {
  readonly schedule: ProbeSchedule
  /** Asks one endpoint, within a deadline. Never throws for what the endpoint does. */
  readonly probe: (target: EndpointTarget, signal: AbortSignal) => Promise<EndpointProbe>
  /** Probes under way at once. */
  readonly maxConcurrentProbes: number
  readonly logger: Logger
  /** From 0 up to 1. */
  readonly random: () => number
}

/**
 * Between looks while there is work, in milliseconds: anything up to this, so that of several processes each finds as much
 * that is due as the others.
 */
const LOOK_MS = 200

/** Between looks while nothing is due, in milliseconds: somebody may have made something due meanwhile. */
const IDLE_LOOK_MS = 1_000

/** For more probes to end while there is little room, in milliseconds. */
const FULL_PAUSE_MS = 20

/** After a look that failed, in milliseconds. */
const FAILED_LOOK_MS = 2_000

/** Of the probes under way, one origin has at most this part, so that one that hangs does not keep the others waiting. */
const ORIGIN_SHARE = 0.25

/** How long an endpoint waits whose origin has its share, in milliseconds; up to twice that. */
const PUT_OFF_MS = 500

interface UnderWay {
  readonly turn: ProbeTurn
  readonly lost: AbortController
  readonly ended: Promise<void>
}

/** Probes what one schedule says is due, again and again. */
export class ProbeLoop implements AsyncDisposable {
  readonly #options: ProbeLoopOptions
  readonly #ending = new AbortController()
  readonly #underWay = new Set<UnderWay>()
  readonly #origins = new Map<string, number>()
  #running: Promise<void> | undefined
  #holding: NodeJS.Timeout | undefined
  #failing = false

  constructor(options: ProbeLoopOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#running !== undefined) return
    this.#running = this.#run()
    const { holdEveryMs } = this.#options.schedule
    if (holdEveryMs === undefined) return
    this.#holding = setInterval(() => void this.#hold(), holdEveryMs)
    this.#holding.unref()
  }

  /** Stops; probes under way are cut short, and their endpoints are anybody's at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#holding)
    this.#ending.abort()
    const turns = [...this.#underWay].map(({ turn }) => turn)
    await Promise.all([...this.#underWay].map(({ ended }) => ended))
    await this.#running
    await this.#putOff(turns, 0)
  }

  async #run(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      await this.#pause(await this.#look())
    }
  }

  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    timer.unref()
    const { signal } = this.#ending
    const end = (): void => {
      clearTimeout(timer)
      resolve()
    }
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
    return promise.finally(() => signal.removeEventListener('abort', end))
  }

  /** Begins with what is due. Gives how long to wait until the next look, in milliseconds. */
  async #look(): Promise<number> {
    const { schedule, maxConcurrentProbes, logger, random } = this.#options
    const someMs = random() * LOOK_MS
    if (this.#underWay.size >= maxConcurrentProbes) {
      await Promise.race([...this.#underWay].map(({ ended }) => ended))
    }
    // Others end with it: a look costs the same for many.
    if (this.#underWay.size > maxConcurrentProbes / 2) await this.#pause(FULL_PAUSE_MS)
    const room = maxConcurrentProbes - this.#underWay.size
    try {
      const { turns, nextDueMs = IDLE_LOOK_MS } = await schedule.take(room)
      this.#failing = false
      const tooMany = turns.filter((turn) => !this.#begin(turn))
      await this.#putOff(tooMany, PUT_OFF_MS * (1 + random()))
      if (turns.length === room) return 0
      return someMs + Math.max(0, Math.min(nextDueMs, IDLE_LOOK_MS) - LOOK_MS / 2)
    } catch (error) {
      // Once: it may last.
      if (!this.#failing) logger.warn('nobody knows which servers are due for a probe', { error })
      this.#failing = true
      return FAILED_LOOK_MS + someMs
    }
  }

  /** Gives false when the origin has its share already. */
  #begin(turn: ProbeTurn): boolean {
    if (this.#ending.signal.aborted) return false
    const { url } = turn.target.endpoint
    const origin = url === undefined ? undefined : new URL(url).origin
    const there = origin === undefined ? 0 : (this.#origins.get(origin) ?? 0)
    if (there >= Math.max(1, this.#options.maxConcurrentProbes * ORIGIN_SHARE)) return false
    if (origin !== undefined) this.#origins.set(origin, there + 1)
    const lost = new AbortController()
    const signal = AbortSignal.any([this.#ending.signal, lost.signal])
    const entry: UnderWay = {
      turn,
      lost,
      ended: this.#probe(turn, signal).finally(() => {
        this.#underWay.delete(entry)
        if (origin === undefined) return
        const rest = (this.#origins.get(origin) ?? 1) - 1
        if (rest === 0) this.#origins.delete(origin)
        else this.#origins.set(origin, rest)
      }),
    }
    this.#underWay.add(entry)
    return true
  }

  async #probe(turn: ProbeTurn, signal: AbortSignal): Promise<void> {
    const { schedule, probe, logger } = this.#options
    try {
      const found = await probe(turn.target, signal)
      if (!signal.aborted) await schedule.keep(turn, found)
    } catch (error) {
      logger.warn('the result of a probe could not be kept', { server: turn.target.slug, error })
    }
  }

  async #hold(): Promise<void> {
    const { schedule, logger } = this.#options
    try {
      const lost = new Set(await schedule.hold([...this.#underWay].map(({ turn }) => turn)))
      for (const { turn, lost: end } of this.#underWay) if (lost.has(turn)) end.abort()
    } catch (error) {
      logger.debug('the leases of probes could not be renewed', { error })
    }
  }

  /** What cannot be given back is due when its lease ends. */
  async #putOff(turns: readonly ProbeTurn[], dueInMs: number): Promise<void> {
    if (turns.length === 0) return
    try {
      await this.#options.schedule.putOff(turns, dueInMs)
    } catch (error) {
      this.#options.logger.debug('endpoints could not be given back', { error })
    }
  }
}
