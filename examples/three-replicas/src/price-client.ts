import { CircuitBreaker, consecutive } from '@mreg/circuit-breaker'
import { LoadBalancer, peakEwma, type Replica } from '@mreg/load-balancing'

/** What one call came to. */
export interface Price {
  readonly price: number
  readonly by: string
  /** How many replicas were asked. */
  readonly attempts: number
}

interface Upstream {
  readonly url: string
  readonly breaker: CircuitBreaker
}

const ATTEMPTS = 3
const CALL_LIMIT_MS = 5000
const OPEN_MS = 500

/** No replica gave a price; the cause is the last one's failure. */
class NoPriceError extends Error {
  constructor(article: number, cause: unknown) {
    super(`nobody knows the price of ${article}`, { cause })
    this.name = 'NoPriceError'
  }
}

/**
 * Asks one of several replicas for a price. The balancer says whom to ask, each replica's breaker whether it may be asked,
 * and a price may be asked for twice: what fails at one replica is tried at the next.
 */
export class PriceClient {
  readonly balancer = new LoadBalancer<Upstream>({
    strategy: peakEwma({ decayMs: 1000, failureMs: 500 }),
    slowStart: { durationMs: 500 },
    outliers: { consecutiveFailures: 3, ejectMs: 1000 },
  })

  constructor(replicas: readonly { readonly name: string; readonly url: string }[]) {
    this.balancer.update(
      replicas.map(({ name, url }) => {
        const breaker = new CircuitBreaker({ name, trip: consecutive(3), openMs: OPEN_MS })
        breaker.on('transition', ({ to }) => {
          if (to === 'closed') this.balancer.warmUp(name)
        })
        return { id: name, target: { url, breaker } }
      }),
    )
  }

  /** @throws {NoPriceError} when three replicas failed, or none may be asked. */
  async priceOf(article: number): Promise<Price> {
    const tried: Replica<Upstream>[] = []
    let attempts = 0
    let failure: unknown = new Error('no replica may be asked')
    while (attempts < ATTEMPTS) {
      const replica = this.balancer.pick(this.balancer.replicas, { exclude: tried })
      if (replica === undefined) break
      tried.push(replica)
      // A refused permit costs nothing: the next replica is one more pick.
      using permit = replica.target.breaker.tryAcquire()
      if (permit === null) continue
      using lease = this.balancer.begin(replica)
      attempts += 1
      try {
        const answer = await ask(replica.target.url, article)
        permit.success()
        lease.success()
        return { ...answer, attempts }
      } catch (error) {
        permit.failure(error)
        lease.failure()
        failure = error
      }
    }
    throw new NoPriceError(article, failure)
  }
}

/** Asks one replica, and believes only an answer to what was asked: a status of 200 proves nothing. */
const ask = async (
  url: string,
  article: number,
): Promise<{ readonly price: number; readonly by: string }> => {
  const response = await fetch(`${url}/prices/${article}`, { signal: AbortSignal.timeout(CALL_LIMIT_MS) })
  const answer: unknown = await response.json()
  if (!isPrice(answer)) throw new TypeError('this is no price')
  if (answer.article !== String(article)) throw new TypeError(`this is the price of ${answer.article}`)
  return answer
}

const isPrice = (
  answer: unknown,
): answer is { readonly article: string; readonly price: number; readonly by: string } =>
  typeof answer === 'object' &&
  answer !== null &&
  'article' in answer &&
  typeof answer.article === 'string' &&
  'price' in answer &&
  typeof answer.price === 'number' &&
  'by' in answer &&
  typeof answer.by === 'string'
