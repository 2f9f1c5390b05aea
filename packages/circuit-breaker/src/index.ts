// The public interface. What is not named here may change without notice.
export { CircuitBreaker } from './circuit-breaker.ts'
export type { CircuitMode, CircuitPhase, CircuitState } from './circuit-state.ts'
export type { Clock } from './clock.ts'
export type { CircuitBreakerOptions, HalfOpenOptions } from './options.ts'
export { definePolicy, type CircuitPolicy } from './policy.ts'

// Many breakers
export {
  CircuitBreakerRegistry,
  type CircuitBreakerRegistryOptions,
  type RegistrySnapshot,
} from './registry.ts'
export type { CircuitSync } from './circuit-sync.ts'

// When to open
export { anyOf } from './trip/any-of.ts'
export { consecutive } from './trip/consecutive.ts'
export { countWindow, type CountWindowOptions } from './trip/count-window.ts'
export { overdue } from './trip/overdue.ts'
export type { RateOptions } from './trip/rates.ts'
export { timeWindow, type TimeWindowOptions } from './trip/time-window.ts'
export type { TripRule, TripWindow, WindowSnapshot, WindowTotals } from './trip/trip-rule.ts'

// For how long
export { backoff, type BackoffOptions, type OpenDuration } from './backoff.ts'

// Calls and their outcomes
export { defaultClassify, isLocalFault } from './classification.ts'
export type { Classification, Classify, Outcome } from './outcome.ts'
export type { ExecuteContext, ExecuteOptions, Work } from './execution.ts'
export type { Permit } from './permit.ts'
export { CircuitBreakerOpenError, type RejectReason } from './errors.ts'

// What happened
export type { ReportError } from './emitter.ts'
export type { EventStreamOptions } from './event-stream.ts'
export type {
  CircuitEvent,
  CircuitEventOf,
  CircuitEventType,
  IsolationEvent,
  RejectEvent,
  StaleEvent,
  TransitionEvent,
  TransitionReason,
} from './events.ts'
export type { CircuitEdge, CircuitStats, FailureSummary, RejectionCounts } from './stats.ts'

// Across processes and restarts
export type { CircuitSnapshot } from './snapshot.ts'
export type { TransitionRecord } from './transition-record.ts'
