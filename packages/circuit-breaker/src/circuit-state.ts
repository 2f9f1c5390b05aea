/** The three states of the automaton. */
export type CircuitPhase = 'closed' | 'open' | 'half-open'

/** What a breaker shows: its phase, or `isolated` while someone holds an isolation over it. */
export type CircuitState = CircuitPhase | 'isolated'

/**
 * `enforce` refuses calls when open. `observe` goes through the same states and events but admits every call (a shadow
 * run). `off` is forced closed: every call is admitted and counted, and nothing can open.
 */
export type CircuitMode = 'enforce' | 'observe' | 'off'
