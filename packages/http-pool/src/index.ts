export { HttpPool } from './http-pool.ts'
export {
  type Excess,
  HttpPoolError,
  type HttpPoolErrorDetails,
  type HttpPoolErrorReason,
} from './http-pool-error.ts'

export type { HttpPoolOptions, ResolvedHttpPoolOptions } from './http-pool-options.ts'
export type { RelayTimeoutOptions, RelayTimeouts } from './timeouts.ts'
export type { EndpointTlsOptions, PoolTlsOptions } from './tls/pool-tls-options.ts'
export { proxyFromEnvironment, type ProxyOptions } from './proxy/proxy-options.ts'
export type { ProxyRoutes, ProxyServer } from './proxy/proxy-routes.ts'

export { NameResolver } from './names/name-resolver.ts'
export type { NameResolverOptions } from './names/name-resolver-options.ts'
export { NameResolutionError } from './names/name-resolution-error.ts'
export type { ResolvedAddress } from './names/resolved-address.ts'

export type { EgressPolicy } from './egress/egress-policy.ts'
export { createEgressGuard, type EgressGuardOptions } from './egress/egress-guard.ts'
export { EgressDeniedError } from './egress/egress-denied-error.ts'
export { addressKind, type AddressKind } from './egress/address-kind.ts'

export type { RelayRequest, RelayResponse } from './relay-request.ts'
export type { HeaderField } from './request-headers.ts'
export type { ResponseBody } from './response-body.ts'
export { ResponseHeaders } from './response-headers.ts'
export { RetryBudget } from './retry-budget.ts'

export type { HttpPoolStats, OriginStats } from './http-pool-stats.ts'
export type { PoolAgents } from './pooled-agents.ts'
export type { Reservation, ReservationOptions } from './reservation.ts'
