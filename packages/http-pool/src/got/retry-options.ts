/** When and how often a request is sent again. */
export interface RetryOptions {
  /** Tries after the first. Default 2. */
  readonly maxRetries?: number | undefined
  /**
   * Methods of requests that may run twice. Default: the idempotent ones (RFC 9110, section 9.2.2). A request of which
   * certainly no byte was sent is sent again whatever its method.
   */
  readonly methods?: readonly string[] | undefined
  /** Statuses after which such a request is sent again. Default 429, 502, 503, 504. */
  readonly statuses?: readonly number[] | undefined
  /** Longest wait before the first retry, in milliseconds; it doubles with each. The wait is random below it. Default 200. */
  readonly initialDelayMs?: number | undefined
  /** What that doubling ends at, in milliseconds. A `Retry-After` of the server may be longer. Default 5 000. */
  readonly maxDelayMs?: number | undefined
  /** Retries to an origin as a share of the requests to it: more would be a load of their own. Default 0.1. */
  readonly budgetRatio?: number | undefined
  /** Retries a second to an origin that are allowed however few its requests are. Default 3. */
  readonly minRetriesPerSecond?: number | undefined
}

export type ResolvedRetryOptions = {
  readonly [Name in keyof RetryOptions]-?: NonNullable<RetryOptions[Name]>
}

/** @throws {RangeError} naming the option whose value is out of range. */
export const resolveRetryOptions = (options: RetryOptions): ResolvedRetryOptions => ({
  maxRetries: atLeast('maxRetries', options.maxRetries ?? 2, 0),
  methods: (options.methods ?? IDEMPOTENT_METHODS).map((method) => method.toUpperCase()),
  statuses: options.statuses ?? [429, 502, 503, 504],
  initialDelayMs: atLeast('initialDelayMs', options.initialDelayMs ?? 200, 0),
  maxDelayMs: atLeast('maxDelayMs', options.maxDelayMs ?? 5_000, 0),
  budgetRatio: atLeast('budgetRatio', options.budgetRatio ?? 0.1, 0),
  minRetriesPerSecond: atLeast('minRetriesPerSecond', options.minRetriesPerSecond ?? 3, 0),
})

const IDEMPOTENT_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']

const atLeast = (name: string, value: number, minimum: number): number => {
  if (value >= minimum) return value
  throw new RangeError(`retry option ${name} must be at least ${minimum}, got ${value}`)
}
