import type { EgressPolicy } from './egress/egress-policy.ts'
import { createFailure } from './failure.ts'
import { PhaseTimer } from './phase-timer.ts'
import type { RequestGate } from './request-gate.ts'
import type { Reservation } from './reservation.ts'

export interface PlaceRequestContext {
  readonly gate: RequestGate
  readonly egress: EgressPolicy | undefined
  readonly url: URL
  readonly origin: string
  readonly queueMs: number
  readonly maxQueued: number
  readonly signal: AbortSignal | undefined
  /** Called once, when the place is given back or was never had. */
  readonly onOver: () => void
}

/** The way to a {@link Reservation}: the egress policy's word, then a place at the gate. */
export class PlaceRequest {
  position = -1
  readonly #context: PlaceRequestContext
  readonly #timer = new PhaseTimer<'queue_timeout'>((reason, limit) => this.fail(reason, { limit }))
  readonly #outcome = Promise.withResolvers<Reservation>()
  readonly #controller = new AbortController()
  #state: 'checking' | 'queued' | 'taken' | 'over' = 'checking'

  constructor(context: PlaceRequestContext) {
    this.#context = context
  }

  start(): Promise<Reservation> {
    const { signal, queueMs } = this.#context
    if (signal?.aborted === true) this.#abort()
    else {
      signal?.addEventListener('abort', this.#abort)
      this.#timer.start('queue_timeout', queueMs)
      void this.#admit()
    }
    return this.#outcome.promise
  }

  /** Ends the wait, or tells the holder of the place to stop. */
  fail(
    reason: 'aborted' | 'closed' | 'egress_denied' | 'queue_full' | 'queue_timeout',
    detail: { cause?: unknown; limit?: number } = {},
  ): void {
    if (this.#state === 'over') return
    const error = createFailure(reason, { origin: this.#context.origin, requestSent: false, ...detail })
    if (this.#state === 'taken') return this.#controller.abort(error)
    if (this.#state === 'queued') this.#context.gate.withdraw(this.#context.origin, this.#take)
    this.#finish()
    this.#outcome.reject(error)
  }

  readonly #abort = (): void => this.fail('aborted', { cause: this.#context.signal?.reason })

  async #admit(): Promise<void> {
    const { egress, gate, origin, url, maxQueued } = this.#context
    try {
      await egress?.checkTarget?.(url)
    } catch (cause) {
      return this.fail('egress_denied', { cause })
    }
    if (this.#state === 'over') return
    const verdict = gate.enter(origin, this.#take)
    if (verdict === 'full') this.fail('queue_full', { limit: maxQueued })
    else if (verdict === 'queued') this.#state = 'queued'
    else this.#take()
  }

  readonly #take = (): void => {
    this.#state = 'taken'
    this.#timer.stop()
    this.#context.signal?.removeEventListener('abort', this.#abort)
    this.#outcome.resolve({
      signal: this.#controller.signal,
      release: () => {
        if (this.#state !== 'taken') return
        this.#context.gate.leave(this.#context.origin)
        this.#finish()
      },
    })
  }

  #finish(): void {
    this.#state = 'over'
    this.#timer.stop()
    this.#context.signal?.removeEventListener('abort', this.#abort)
    this.#context.onOver()
  }
}
