import { type Logger, silentLogger } from '@mreg/core'

import { ProbeLoop, type ProbeLoopOptions } from './probe-loop.ts'
import type { ProbeSchedule } from './schedule/probe-schedule.ts'

export interface HealthMonitorOptions extends Pick<ProbeLoopOptions, 'probe' | 'maxConcurrentProbes'> {
  /** What says which endpoints are due. */
  readonly schedules: readonly ProbeSchedule[]
  readonly logger?: Logger | undefined
  /** From 0 up to 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/** Watches endpoints: probes each one whenever its schedule says that it is due, until disposed of. */
export class HealthMonitor implements AsyncDisposable {
  readonly #loops: readonly ProbeLoop[]

  constructor({ schedules, logger = silentLogger, random = Math.random, ...options }: HealthMonitorOptions) {
    this.#loops = schedules.map((schedule) => new ProbeLoop({ ...options, schedule, logger, random }))
  }

  /** Begins to watch. */
  start(): void {
    for (const loop of this.#loops) loop.start()
  }

  /** Stops; probes under way are cut short. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop[Symbol.asyncDispose]()))
  }
}
