import type { OpenDuration } from './backoff.ts'
import { check, checkChoice, checkCount, checkFunction, checkPositive, checkText } from './checks.ts'
import type { CircuitMode } from './circuit-state.ts'
import { systemClock, type Clock } from './clock.ts'
import type { Emitter, ReportError } from './emitter.ts'
import type { CircuitEvent } from './events.ts'
import type { CircuitBreakerOptions } from './options.ts'
import type { Classify } from './outcome.ts'
import { consecutive } from './trip/consecutive.ts'
import type { TripRule } from './trip/trip-rule.ts'

const DEFAULT_OPEN_MS = 60_000
const defaultTrip = consecutive()
const processOrigin = Math.random().toString(36).slice(2)

export const MODES: readonly CircuitMode[] = ['enforce', 'observe', 'off']

const reportToConsole: ReportError = (error) => {
  console.error('circuit-breaker: a listener, classify or openMs failed:', error)
}

/** What a registry adds to the policies of its breakers. */
export interface PolicyHost {
  /** Hears the events of every breaker. */
  readonly emitter: Emitter
  /** Asked before a rule opens a circuit; false keeps it closed. */
  mayOpen(): boolean
}

/**
 * Checked, copied options: what a breaker runs on. Make one with `definePolicy` when many breakers share their options:
 * it is checked once and held once.
 */
export class CircuitPolicy {
  readonly name: string
  readonly trip: TripRule
  readonly openMs: number | OpenDuration
  readonly recovery: 'decay' | 'reset'
  readonly successes: number
  readonly concurrency: number
  readonly tolerate: number
  readonly probeTimeoutMs: number
  readonly slowMs: number
  readonly classify: Classify | undefined
  readonly mode: CircuitMode
  readonly clock: Clock
  readonly random: () => number
  readonly origin: string
  readonly onListenerError: ReportError
  readonly host: PolicyHost | undefined
  /** Whether calls are looked at while they run. */
  readonly watchesCalls: boolean
  /** Whether a permit holds the time when it was given. */
  readonly timesCalls: boolean
  /** Whether a settlement needs the time. */
  readonly readsTime: boolean

  constructor(options: CircuitBreakerOptions, host?: PolicyHost) {
    const { name = 'circuit', trip = defaultTrip, openMs = DEFAULT_OPEN_MS, recovery = 'decay' } = options
    const { halfOpen = {}, slowMs = Infinity, classify, mode = 'enforce', clock = systemClock } = options
    const { random = Math.random, origin = processOrigin, onListenerError = reportToConsole } = options
    const { successes = 1, concurrency = 1, tolerate = 0, probeTimeoutMs = DEFAULT_OPEN_MS } = halfOpen

    this.name = checkText('name', name)
    this.trip = check('trip', trip, typeof trip.open === 'function', 'a trip rule')
    this.openMs = typeof openMs === 'function' ? openMs : checkPositive('openMs', openMs)
    this.recovery = checkChoice('recovery', recovery, ['decay', 'reset'])
    this.successes = checkCount('halfOpen.successes', successes, 1)
    this.concurrency = checkCount('halfOpen.concurrency', concurrency, 1)
    this.tolerate = checkCount('halfOpen.tolerate', tolerate, 0)
    this.probeTimeoutMs = checkPositive('halfOpen.probeTimeoutMs', probeTimeoutMs)
    const isTimed = options.slowMs !== undefined || trip.countsSlowCalls
    this.slowMs = isTimed ? checkPositive('slowMs', slowMs) : slowMs
    this.classify = classify && checkFunction('classify', classify)
    this.mode = checkChoice('mode', mode, MODES)
    this.clock = check('clock', clock, typeof clock.now === 'function', 'a clock')
    this.random = checkFunction('random', random)
    this.origin = checkText('origin', origin)
    this.onListenerError = checkFunction('onListenerError', onListenerError)
    this.host = host
    this.watchesCalls = trip.watchesCalls === true
    this.timesCalls = slowMs < Infinity || this.watchesCalls
    this.readsTime = this.timesCalls || trip.timed === true
    Object.freeze(this)
  }
}

/** Hands an error of the user's own code to the user, whatever that does. */
export function report(policy: CircuitPolicy, error: unknown, event?: CircuitEvent): void {
  try {
    policy.onListenerError(error, event)
  } catch {
    // There is no one left to tell, and the caller must not pay for it.
  }
}

/** The length of an opening, in milliseconds. A function that fails or answers nonsense gives the default of 60 s. */
export function openDuration(policy: CircuitPolicy, opening: number, jitter: number): number {
  if (typeof policy.openMs === 'number') return policy.openMs
  try {
    const openMs = policy.openMs(opening, jitter)
    if (openMs >= 0 && openMs < Infinity) return openMs
    throw new RangeError(`circuit breaker option "openMs" answered ${openMs}`)
  } catch (error) {
    report(policy, error)
    return DEFAULT_OPEN_MS
  }
}

/**
 * Checks options once, for any number of breakers to share: `new CircuitBreaker(policy, name)`.
 *
 * @throws RangeError, TypeError naming the option that cannot be
 */
export function definePolicy(options: CircuitBreakerOptions): CircuitPolicy {
  return new CircuitPolicy(options)
}
