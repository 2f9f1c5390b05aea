export {
  type BreakerOptions,
  Circuits,
  type CircuitsOptions,
  type EndpointCircuit,
} from './circuit/circuits.ts'
export { circuitBus } from './circuit/circuit-bus.ts'
export { CircuitFile, type CircuitFileOptions, savedCircuits } from './circuit/circuit-file.ts'
export { type Fitness, type HealthVerdict, VERDICT_MS } from './circuit/fitness.ts'
export { isRepeatable } from './circuit/repeatable.ts'
export { type CredentialSource, type HeaderPair, noCredentials } from './credential-source.ts'
export type { EndpointStanding } from './endpoint-standing.ts'
export type { EndpointTarget } from './endpoint-target.ts'
export type { EndpointEra, EraFinding } from './era/endpoint-era.ts'
export { isJsonObject, type JsonObject, parseJsonObject } from './json-object.ts'
export { LegacySession, type LegacySessionSeed, type OpenedSession } from './legacy-session.ts'
export { LegacySessions, type LegacySessionsOptions } from './legacy-sessions.ts'
export {
  type CountedSession,
  SessionCaps,
  type SessionCapsOptions,
  type SessionOwner,
  type SessionRoom,
} from './session-caps.ts'
export { probeEndpoint, type ProbeOptions } from './probe-endpoint.ts'
export {
  SessionTombstones,
  type SessionTombstonesOptions,
  type TombstoneWatcher,
} from './session-tombstones.ts'
export { readResponse } from './read-response.ts'
export type { CallLease, EndpointRequest } from './endpoint-request.ts'
export { UpstreamEndpoint, type UpstreamEndpointOptions } from './upstream-endpoint.ts'
export type { StdioLimits } from './stdio/stdio-limits.ts'
export type { StdioState } from './stdio/stdio-state.ts'
export { UpstreamError, type UpstreamErrorOptions, type UpstreamErrorReason } from './upstream-error.ts'
export { Upstreams, type UpstreamsOptions } from './upstreams.ts'

// The pool's budget of retries, which is per server here
export { RetryBudget } from '@mreg/http-pool'
// The transports' own words, for those who reach servers only through this package
export { environmentFault } from '@mreg/mcp-transports'
export type {
  UpstreamEvent,
  UpstreamRefusedReply,
  UpstreamReply,
  UpstreamStreamReply,
} from '@mreg/mcp-transports'
