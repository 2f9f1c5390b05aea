export { HttpPool } from './http-pool.ts'
export { HttpPoolError, type HttpPoolErrorDetails, type HttpPoolErrorReason } from './http-pool-error.ts'

export type { HttpPoolOptions, PoolTlsOptions, ResolvedHttpPoolOptions } from './http-pool-options.ts'
export type { EgressPolicy } from './egress-policy.ts'
export type { RelayTimeoutOptions, RelayTimeouts } from './timeouts.ts'

export type { RelayRequest, RelayResponse } from './relay-request.ts'
export type { HeaderField } from './request-headers.ts'
export type { ResponseBody } from './response-body.ts'
export { ResponseHeaders } from './response-headers.ts'

export type { HttpPoolStats, OriginStats } from './http-pool-stats.ts'
export type { PoolAgents } from './pooled-agents.ts'
export type { Reservation, ReservationOptions } from './reservation.ts'
