import { createHash } from 'node:crypto'

import {
  backoff,
  type Classification,
  type CircuitBreaker,
  CircuitBreakerRegistry,
  type CircuitSnapshot,
  type CircuitSync,
  consecutive,
  type Outcome,
  type TransitionEvent,
} from '@mreg/circuit-breaker'

import type { EndpointTarget } from '../endpoint-target.ts'
import { UpstreamError } from '../upstream-error.ts'
import { MAX_RETRY_AFTER_MS, Pace } from './pace.ts'

/** What is counted of one endpoint with one set of credentials, however often it is made anew. */
export interface EndpointCircuit {
  readonly key: string
  readonly endpointId: string
  readonly breaker: CircuitBreaker
  readonly pace: Pace
  /** Tool calls that ran past their deadline since the last good answer. */
  overruns: number
}

/** When circuits open, and for how long. */
export interface BreakerOptions {
  /** Failures in a row. */
  readonly failureThreshold: number
  /** The first time, in milliseconds; doubles while the endpoint goes on failing. */
  readonly openMs: number
  /** The most that this comes to. */
  readonly maxOpenMs: number
}

export interface CircuitsOptions {
  readonly breaker: BreakerOptions
  /** Shares openings and closings with other processes. undefined: nobody is told, and nobody is heard. */
  readonly sync?: CircuitSync | undefined
  /** Circuits that were open when a process before this one ended. Default none. */
  readonly saved?: readonly CircuitSnapshot[] | undefined
  /** Identifies this process towards the others. Default: drawn at random. */
  readonly origin?: string | undefined
  /** Is told when sharing fails. Default: nobody is. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** The most circuits of single principals. */
const MAX_PERSONAL = 10_000

/**
 * The circuits of all endpoints, by endpoint and credentials: a change of a title leaves a circuit as it is, new
 * credentials begin with a new one, and what one principal's own login meets says nothing to the others.
 */
export class Circuits implements Disposable {
  readonly #registry: CircuitBreakerRegistry
  readonly #circuits = new Map<string, EndpointCircuit>()
  readonly #onError: (error: unknown) => void
  readonly #saved: Map<string, CircuitSnapshot>
  /** The keys of circuits of single principals, oldest first. */
  readonly #personal = new Set<string>()

  constructor({ breaker, onError = () => {}, origin, saved = [], sync }: CircuitsOptions) {
    this.#registry = new CircuitBreakerRegistry({
      defaults: {
        trip: consecutive(breaker.failureThreshold),
        openMs: backoff({ initialMs: breaker.openMs, maxMs: breaker.maxOpenMs }),
        classify,
        onListenerError: onError,
      },
      // Whoever holds an endpoint holds its breaker: they go together, by `delete`.
      max: Number.MAX_SAFE_INTEGER,
      idleMs: Number.MAX_SAFE_INTEGER,
      sync,
      origin,
      onError,
    })
    this.#onError = onError
    this.#saved = new Map(saved.map((each) => [each.name, each]))
  }

  /**
   * The circuit of `target`, made at first use as it was saved.
   *
   * @param scope whose credentials are used; empty: everybody's.
   */
  of(target: EndpointTarget, scope = ''): EndpointCircuit {
    const key = keyOf(target, scope)
    let circuit = this.#circuits.get(key)
    if (circuit === undefined) {
      if (scope !== '') this.#makeRoom(key)
      const breaker = this.#registry.get(key)
      const saved = this.#saved.get(key)
      this.#saved.delete(key)
      if (saved !== undefined) this.#restore(breaker, saved)
      circuit = { key, endpointId: target.endpoint.id, breaker, pace: new Pace(), overruns: 0 }
      this.#circuits.set(key, circuit)
    }
    return circuit
  }

  /** Forgets all circuits of an endpoint, but for one that it goes on with. */
  forget(endpointId: string, kept?: EndpointCircuit): void {
    for (const [key, circuit] of this.#circuits)
      if (circuit.endpointId === endpointId && circuit !== kept) this.#drop(key)
  }

  #restore(breaker: CircuitBreaker, saved: CircuitSnapshot): void {
    try {
      breaker.restore(saved)
    } catch (error) {
      // Not what this version writes. It finds out anew.
      this.#onError(error)
    }
  }

  /** Circuits of single principals are bounded in number: one that is closed makes room. */
  #makeRoom(key: string): void {
    if (this.#personal.size >= MAX_PERSONAL) {
      for (const known of this.#personal) {
        if (this.#circuits.get(known)?.breaker.state === 'open') continue
        this.#drop(known)
        break
      }
    }
    this.#personal.add(key)
  }

  #drop(key: string): void {
    this.#circuits.delete(key)
    this.#personal.delete(key)
    this.#registry.delete(key)
  }

  /** Hears of each transition of each circuit. Gives the function that ends it. */
  onTransition(listener: (event: TransitionEvent, circuit: EndpointCircuit) => void): () => void {
    return this.#registry.on('transition', (event) => {
      const circuit = this.#circuits.get(event.name)
      if (circuit !== undefined) listener(event, circuit)
    })
  }

  /** All of them. */
  [Symbol.iterator](): IterableIterator<EndpointCircuit> {
    return this.#circuits.values()
  }

  /** Those that are not closed, as plain data. */
  snapshot(): CircuitSnapshot[] {
    return this.#registry.snapshot().breakers.filter(({ phase }) => phase !== 'closed')
  }

  /** Tells and hears nobody any more. */
  [Symbol.dispose](): void {
    this.#registry[Symbol.dispose]()
  }
}

/** The same in every process of an installation. It holds neither the address nor a credential. */
const keyOf = ({ endpoint, sealedCredentials, slug, tenantId }: EndpointTarget, scope: string): string => {
  const hash = createHash('sha256').update(JSON.stringify([endpoint.url, scope]))
  if (sealedCredentials !== undefined) hash.update(sealedCredentials)
  return `${tenantId}/${slug}/${endpoint.id}/${hash.digest('base64url').slice(0, 12)}`
}

/** Only failures of the endpoint come here. A server that says when to come back is left alone until then. */
const classify = (error: unknown): Outcome | Classification => {
  if (!UpstreamError.is(error)) return 'failure'
  const { reason, retryAfterMs, status } = error
  const openMs =
    status === 503 && retryAfterMs !== undefined ? Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) : undefined
  // A name that is not resolved here may be resolved elsewhere.
  return { outcome: 'failure', openMs, local: reason === 'dns' }
}
