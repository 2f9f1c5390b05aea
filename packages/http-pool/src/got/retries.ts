import { setTimeout as sleep } from 'node:timers/promises'

import { HttpPoolError, type HttpPoolErrorReason } from '../http-pool-error.ts'
import { RetryBudget } from '../retry-budget.ts'
import type { HttpClientResponse } from './http-client.ts'
import type { ResolvedRetryOptions } from './retry-options.ts'

const MAX_ORIGINS = 1_000

/** Failures on the way to a peer: another try may find another way. */
const BEFORE_SENDING: ReadonlySet<HttpPoolErrorReason> = new Set([
  'dns',
  'unreachable',
  'connect_timeout',
  'proxy',
  'reset',
])

/** Failures of a peer that has the request. */
const AFTER_SENDING: ReadonlySet<HttpPoolErrorReason> = new Set([
  'reset',
  'headers_timeout',
  'idle_timeout',
  'truncated',
])

export interface RetriedRequest {
  readonly origin: string
  readonly method: string
  /** When everything must be over, by `performance.now()`. */
  readonly deadlineAtMs: number
  readonly signal: AbortSignal | undefined
}

/** Sends requests again, within the budget of their origin. */
export class Retries {
  readonly #budgets = new Map<string, RetryBudget>()

  /**
   * Runs `send` until it succeeds, or another try is not allowed, or would come after the deadline; then what the last one
   * gave is the outcome.
   */
  async run(
    request: RetriedRequest,
    options: ResolvedRetryOptions,
    send: () => Promise<HttpClientResponse>,
  ): Promise<HttpClientResponse> {
    const budget = this.#budgetOf(request.origin, options)
    budget.earn()
    for (let retry = 0; ; retry += 1) {
      const outcome = await settle(send)
      const response = 'response' in outcome ? outcome.response : undefined
      const delayMs = Math.max(backoffMs(retry, options), retryAfterMs(response) ?? 0)
      const isOver =
        retry >= options.maxRetries ||
        request.signal?.aborted === true ||
        !isWorthIt(outcome, request.method, options) ||
        performance.now() + delayMs >= request.deadlineAtMs ||
        !budget.spend()
      if (isOver) {
        if ('error' in outcome) throw outcome.error
        return outcome.response
      }
      // An abort ends the wait; the next try finds it and says so.
      await sleep(delayMs, undefined, { signal: request.signal }).catch(() => undefined)
    }
  }

  #budgetOf(origin: string, { budgetRatio, minRetriesPerSecond }: ResolvedRetryOptions): RetryBudget {
    const known = this.#budgets.get(origin)
    if (known !== undefined) return known
    const [first] = this.#budgets.keys()
    if (this.#budgets.size >= MAX_ORIGINS && first !== undefined) this.#budgets.delete(first)
    const budget = new RetryBudget(budgetRatio, minRetriesPerSecond, () => performance.now())
    this.#budgets.set(origin, budget)
    return budget
  }
}

type Outcome = { readonly response: HttpClientResponse } | { readonly error: HttpPoolError }

const settle = async (send: () => Promise<HttpClientResponse>): Promise<Outcome> => {
  try {
    return { response: await send() }
  } catch (error) {
    if (HttpPoolError.is(error)) return { error }
    throw error
  }
}

const isWorthIt = (outcome: Outcome, method: string, options: ResolvedRetryOptions): boolean => {
  const mayRunTwice = options.methods.includes(method)
  if ('response' in outcome) return mayRunTwice && options.statuses.includes(outcome.response.status)
  const { reason, requestSent } = outcome.error
  return requestSent ? mayRunTwice && AFTER_SENDING.has(reason) : BEFORE_SENDING.has(reason)
}

/** Random below a bound that doubles, so that those who failed together do not come back together. */
const backoffMs = (retry: number, { initialDelayMs, maxDelayMs }: ResolvedRetryOptions): number =>
  Math.random() * Math.min(maxDelayMs, initialDelayMs * 2 ** retry)

/** What a response says in `Retry-After`, seconds or a date (RFC 9110, section 10.2.3). */
const retryAfterMs = (response: HttpClientResponse | undefined): number | undefined => {
  const field = response?.headers.get('retry-after')?.trim()
  if (field === undefined) return undefined
  if (/^\d{1,9}$/u.test(field)) return Number(field) * 1_000
  const atMs = Date.parse(field)
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - Date.now())
}
