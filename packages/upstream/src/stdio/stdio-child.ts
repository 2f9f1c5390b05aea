import { setTimeout as delay } from 'node:timers/promises'

import { StdioTransport, type StdioTransportOptions, UpstreamTransportError } from '@mreg/mcp-transports'

import { looksLikeCacheRace } from './package-runner.ts'
import type { StartGate } from './start-gate.ts'

export interface StdioChildOptions {
  /** Whose it is; undefined: anybody's. */
  readonly principalId: string | undefined
  readonly gate: StartGate
  /** What has to be fetched first; undefined: nothing. */
  readonly fetches: string | undefined
  /** Gives the process's options. @throws when its environment cannot be had. */
  readonly process: () => StdioTransportOptions
}

/** How long a start that met another one in a package cache waits before its second try, in milliseconds. */
const CACHE_RACE_PAUSE_MS = 500

/** One process of a server, from the moment it is wanted. */
export class StdioChild {
  readonly principalId: string | undefined
  readonly #options: StdioChildOptions
  readonly #ending = new AbortController()
  #transport: StdioTransport | undefined
  #phase: 'starting' | 'running' | 'over' = 'starting'
  #busyAt = performance.now()
  /** How many wait for it to be ready. */
  waiting = 0
  /** Fulfils when it is ready. */
  readonly ready: Promise<StdioTransport>

  constructor(options: StdioChildOptions) {
    this.#options = options
    this.principalId = options.principalId
    this.ready = this.#start()
    // Those who wait get the error; nobody may.
    this.ready.catch(() => {})
  }

  get phase(): 'starting' | 'running' | 'over' {
    return this.#phase === 'running' && this.#transport?.isRunning !== true ? 'over' : this.#phase
  }

  /** The process that runs; undefined before it is ready, and when it is over. */
  get transport(): StdioTransport | undefined {
    return this.phase === 'running' ? this.#transport : undefined
  }

  get errorLines(): readonly string[] {
    return this.#transport?.errorLines ?? []
  }

  /** Whether it was told to end. */
  get isEnding(): boolean {
    return this.#ending.signal.aborted
  }

  /** Whether it has calls under way. */
  get isBusy(): boolean {
    return (this.transport?.activity.calls ?? 0) > 0
  }

  /** For how long nobody has used it, in milliseconds. Ask it now and then: a use is seen while it lasts. */
  idleMs(): number {
    const now = performance.now()
    const activity = this.transport?.activity
    if (activity === undefined || activity.calls > 0 || activity.listeners > 0 || this.waiting > 0)
      this.#busyAt = now
    return now - Math.max(this.#busyAt, activity?.lastUsedAt ?? now)
  }

  /** Ends it, also while it starts. Idempotent. */
  async stop(): Promise<void> {
    this.#ending.abort()
    await this.#transport?.[Symbol.asyncDispose]()
    this.#phase = 'over'
  }

  async #start(): Promise<StdioTransport> {
    const { fetches, gate } = this.#options
    try {
      const transport = await gate.run(fetches, () => this.#attempt())
      this.#phase = 'running'
      return transport
    } catch (error) {
      this.#phase = 'over'
      throw error
    }
  }

  async #attempt(): Promise<StdioTransport> {
    try {
      return await this.#startOnce()
    } catch (error) {
      const isRace =
        this.#options.fetches !== undefined &&
        UpstreamTransportError.is(error) &&
        looksLikeCacheRace(error.errorLines)
      if (!isRace || this.isEnding) throw error
      await delay(CACHE_RACE_PAUSE_MS)
      return this.#startOnce()
    }
  }

  async #startOnce(): Promise<StdioTransport> {
    const transport = new StdioTransport(this.#options.process())
    this.#transport = transport
    // It may have been told to end while it waited for its turn.
    if (this.isEnding) await transport[Symbol.asyncDispose]()
    await transport.start()
    return transport
  }
}
