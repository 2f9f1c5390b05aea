import { setTimeout as delay } from 'node:timers/promises'

import { type Logger, silentLogger } from '@mreg/core'
import { type StdioTransport, type StdioTransportOptions, UpstreamTransportError } from '@mreg/mcp-transports'

import { UpstreamError } from '../upstream-error.ts'
import type { ChildHost, ChildOwner } from './child-host.ts'
import type { ChildSpec } from './child-spec.ts'
import { ASK_AGAIN_MS, type Patience } from './patience.ts'
import { RestartBackoff } from './restart-backoff.ts'
import { StdioChild } from './stdio-child.ts'
import type { StdioState } from './stdio-state.ts'

export interface StdioChildrenOptions {
  readonly host: ChildHost
  /** The server's name, for the log. */
  readonly slug: string
  /** What has to be fetched before a process runs; undefined: nothing. */
  readonly fetches: string | undefined
  /** @throws when the environment cannot be had. */
  readonly process: (spec: ChildSpec) => StdioTransportOptions
  /** Told of each failure that nobody waited for. */
  readonly onLonelyFailure: () => void
  readonly logger?: Logger | undefined
}

/** A process that lived for so long was not a failure from the start, in milliseconds. */
const STABLE_MS = 30_000
const DRAIN_POLL_MS = 250
/** Who has just been idle for so short a time may be about to be used. */
const MIN_IDLE_MS = 100

/** The processes of one server: started when they are needed, one for each key, and ended when they are not. */
export class StdioChildren implements ChildOwner {
  readonly #options: StdioChildrenOptions
  readonly #logger: Logger
  readonly #backoff: RestartBackoff
  readonly #children = new Map<string, StdioChild>()
  /** Processes that are being ended. */
  readonly #stopping = new Set<Promise<void>>()
  #lastFailure: UpstreamTransportError | undefined
  #isClosed = false

  constructor(options: StdioChildrenOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#backoff = new RestartBackoff(options.host.limits)
    options.host.add(this)
  }

  get size(): number {
    return this.#children.size
  }

  /** The process that was used last of those that run. */
  get running(): StdioTransport | undefined {
    return this.#runningChildren()
      .map(({ transport }) => transport)
      .toSorted((a, b) => (b?.activity.lastUsedAt ?? 0) - (a?.activity.lastUsedAt ?? 0))[0]
  }

  /** Why the last process failed; undefined when the last one did not. */
  get lastFailure(): UpstreamTransportError | undefined {
    return this.#lastFailure
  }

  /** How long until a process may be started, in milliseconds. */
  get restartMs(): number {
    return this.#backoff.remainingMs
  }

  get state(): StdioState {
    const children = [...this.#children.values()]
    const lines = children.toReversed().flatMap(({ errorLines }) => errorLines.slice(-1))
    const lastErrorLine = lines[0] ?? this.#lastFailure?.errorLines.at(-1)
    return { state: this.#stateOf(children), processes: children.length, lastErrorLine }
  }

  /** The process that keeps a session of that principal. */
  withSession(sessionId: string | undefined, principalId: string | undefined): StdioTransport | undefined {
    if (sessionId === undefined) return undefined
    for (const child of this.#runningChildren()) {
      const isTheirs = child.principalId === undefined || child.principalId === principalId
      if (isTheirs && child.transport?.hasSession(sessionId) === true) return child.transport
    }
    return undefined
  }

  /**
   * The process for `spec`, started if need be. A start goes on when whoever waits for it gives up.
   *
   * @throws {UpstreamError} `starting`, `restart_pending`, `too_many_processes`, `aborted` or `closed`.
   * @throws {UpstreamTransportError} `start_failed` or `start_timeout`.
   */
  async acquire(spec: ChildSpec, patience: Patience): Promise<StdioTransport> {
    const child = this.#children.get(spec.key)
    const usable =
      child !== undefined && child.phase !== 'over' && !child.isEnding ? child : this.#start(spec)
    usable.waiting += 1
    try {
      return await patience.wait(usable.ready)
    } finally {
      usable.waiting -= 1
    }
  }

  /** @throws {UpstreamError} `restart_pending` when the server has failed and is not to be started again yet. */
  requireMayStart(): void {
    const retryAfterMs = Math.ceil(this.#backoff.remainingMs)
    if (retryAfterMs === 0) return
    throw new UpstreamError('restart_pending', 'the server failed and is not started again yet', {
      retryAfterMs,
      requestSent: false,
    })
  }

  /** Ends the process of that key. */
  async end(key: string): Promise<void> {
    const child = this.#children.get(key)
    if (child !== undefined) await this.#stop(key, child)
  }

  /** Ends the process that keeps a session. */
  async endWithSession(transport: StdioTransport): Promise<void> {
    for (const [key, child] of this.#children) if (child.transport === transport) await this.#stop(key, child)
  }

  endIdlest(): boolean {
    const [idlest] = this.#idle().toSorted((a, b) => b.idleMs - a.idleMs)
    if (idlest === undefined || idlest.idleMs < MIN_IDLE_MS) return false
    void this.#stop(idlest.key, idlest.child)
    return true
  }

  endIdle(idleMs: number): void {
    for (const { child, key, idleMs: was } of this.#idle()) if (was >= idleMs) void this.#stop(key, child)
  }

  /** It was found out that the server works, or why it does not. */
  report(failure: UpstreamTransportError | undefined): void {
    this.#lastFailure = failure
    if (failure === undefined) this.#backoff.reset()
    else this.#backoff.failed()
  }

  /** Starts nothing any more, and ends each process when its calls are over. Fulfils when all have ended. */
  async retire(): Promise<void> {
    this.#isClosed = true
    while (this.#children.size > 0) {
      // A request that was on its way when the change came is a call in a moment.
      await delay(DRAIN_POLL_MS, undefined, { ref: false })
      const unused = [...this.#children].filter(([, child]) => child.waiting === 0 && !child.isBusy)
      await Promise.all(unused.map(([key, child]) => this.#stop(key, child)))
    }
    this.#options.host.delete(this)
  }

  /** Ends every process now. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    this.#options.host.delete(this)
    for (const [key, child] of this.#children) void this.#stop(key, child)
    await Promise.all(this.#stopping)
  }

  #start(spec: ChildSpec): StdioChild {
    const { fetches, host, process } = this.#options
    if (this.#isClosed) {
      throw new UpstreamError('closed', 'the server was changed or removed', { requestSent: false })
    }
    if (spec.isQuestion !== true) this.requireMayStart()
    if (!host.makeRoom(this)) {
      throw new UpstreamError(
        'too_many_processes',
        'as many processes run as stdio.maxProcesses and stdio.maxProcessesPerServer allow',
        {
          retryAfterMs: ASK_AGAIN_MS,
          requestSent: false,
        },
      )
    }
    const { principalId } = spec
    const child = new StdioChild({ principalId, gate: host.gate, fetches, process: () => process(spec) })
    this.#children.set(spec.key, child)
    child.ready.then(
      (transport) => this.#started(spec, child, transport),
      (error: unknown) => this.#failed(spec, child, error),
    )
    return child
  }

  #started(spec: ChildSpec, child: StdioChild, transport: StdioTransport): void {
    this.#lastFailure = undefined
    void this.#watch(spec, child, transport)
  }

  /** Waits for the end of a process that was started, and judges it. */
  async #watch(spec: ChildSpec, child: StdioChild, transport: StdioTransport): Promise<void> {
    const startedAt = performance.now()
    const { code, signal } = await transport.exited
    if (this.#children.get(spec.key) === child) this.#children.delete(spec.key)
    if (child.isEnding) return
    const { errorLines, lostCalls } = transport
    const message = `the process ended with ${signal ?? `exit code ${code}`}`
    this.#logger.warn('a server ended by itself', { server: this.#options.slug, reason: message, lostCalls })
    if (performance.now() - startedAt > STABLE_MS) this.#backoff.reset()
    this.report(
      new UpstreamTransportError(message, { reason: 'process_exited', requestSent: true, errorLines }),
    )
    if (lostCalls === 0) this.#options.onLonelyFailure()
  }

  #failed(spec: ChildSpec, child: StdioChild, error: unknown): void {
    if (this.#children.get(spec.key) === child) this.#children.delete(spec.key)
    if (child.isEnding || spec.isQuestion === true) return
    const message = error instanceof Error ? error.message : String(error)
    this.#logger.warn('a server could not be started', { server: this.#options.slug, reason: message })
    if (!UpstreamTransportError.is(error)) return
    this.report(error)
    if (child.waiting === 0) this.#options.onLonelyFailure()
  }

  /** It no longer counts from now on, though its end takes a moment. */
  async #stop(key: string, child: StdioChild): Promise<void> {
    if (this.#children.get(key) === child) this.#children.delete(key)
    const stopped = child.stop().finally(() => this.#stopping.delete(stopped))
    this.#stopping.add(stopped)
    await stopped
  }

  #runningChildren(): readonly StdioChild[] {
    return [...this.#children.values()].filter(({ transport }) => transport !== undefined)
  }

  #idle(): readonly { readonly key: string; readonly child: StdioChild; readonly idleMs: number }[] {
    return [...this.#children].flatMap(([key, child]) => {
      const idleMs = child.idleMs()
      return child.phase === 'running' && idleMs > 0 ? [{ key, child, idleMs }] : []
    })
  }

  #stateOf(children: readonly StdioChild[]): StdioState['state'] {
    if (children.some(({ phase }) => phase === 'running')) return 'running'
    if (children.some(({ phase }) => phase === 'starting')) return 'starting'
    return this.#lastFailure === undefined ? 'stopped' : 'failed'
  }
}
