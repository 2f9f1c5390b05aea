/** Bounds of what is translated between the eras. */
export interface BridgeLimits {
  /** How long a client of the older era may take to answer what a server asks in the middle of a call, in milliseconds. */
  readonly inputMs: number
  /** How often a server may ask in the course of one call of such a client. */
  readonly maxInputRounds: number
  /** How long a call waits for the next request of a client of the newer era, in milliseconds. */
  readonly parkMs: number
  /** How long an older server may be silent after a question before its client is asked: it may have several. In milliseconds. */
  readonly gatherMs: number
  /** Calls of one principal that wait so at once. */
  readonly maxParkedPerPrincipal: number
  /** Sessions with servers of the older era, held for clients of the newer, at once. */
  readonly maxSessions: number
  /** Such a session is ended after so long without use, in milliseconds. */
  readonly sessionIdleMs: number
}

export const BRIDGE_LIMITS: BridgeLimits = {
  inputMs: 600_000,
  maxInputRounds: 8,
  parkMs: 300_000,
  gatherMs: 20,
  maxParkedPerPrincipal: 20,
  maxSessions: 10_000,
  sessionIdleMs: 1_800_000,
}
