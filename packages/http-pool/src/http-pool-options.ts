import type { LookupFunction } from 'node:net'

import type { EgressPolicy } from './egress/egress-policy.ts'
import type { NameResolverOptions } from './names/name-resolver-options.ts'
import type { ProxyOptions } from './proxy/proxy-options.ts'
import { ProxyRoutes } from './proxy/proxy-routes.ts'
import {
  DEFAULT_TIMEOUTS,
  resolveTimeouts,
  type RelayTimeoutOptions,
  type RelayTimeouts,
} from './timeouts.ts'
import type { PoolTlsOptions } from './tls/pool-tls-options.ts'

export interface HttpPoolOptions {
  /** Open connections in all, in use and idle. Default 2 048. */
  readonly maxConnections?: number | undefined
  /** Connections to one origin. A request over it waits in a queue. Default 256. */
  readonly maxConnectionsPerOrigin?: number | undefined
  /** Idle connections kept for reuse in all. Default 512. */
  readonly maxIdleConnections?: number | undefined
  /** Idle connections kept for reuse to one origin. Default 64. */
  readonly maxIdleConnectionsPerOrigin?: number | undefined
  /**
   * How long an idle connection is kept, in milliseconds; a shorter `Keep-Alive: timeout` of the peer wins.
   * Default 4 000: below the 5 s after which common servers close without a word.
   */
  readonly keepAliveMs?: number | undefined
  /** Requests that may wait for a connection to one origin; one more fails as `queue_full`. Default 256. */
  readonly maxQueuedRequestsPerOrigin?: number | undefined
  /** Timers of requests that do not bring their own. */
  readonly timeouts?: RelayTimeoutOptions | undefined
  /** Largest response body in bytes, for requests that do not say. Default 32 MiB. */
  readonly maxResponseBytes?: number | undefined
  /** Largest response head in bytes. Default 16 KiB. */
  readonly maxHeaderBytes?: number | undefined
  /** `User-Agent` of requests that do not bring their own. Default `mreg-http-pool`. */
  readonly userAgent?: string | undefined
  /** How long `close()` lets running requests go on, in milliseconds. Default 10 000. */
  readonly closeTimeoutMs?: number | undefined
  /** Which targets may be used. Default: all. */
  readonly egress?: EgressPolicy | undefined
  /** How host names are resolved. Default: a `NameResolver` of its own with that one's defaults. */
  readonly names?: NameResolverOptions | undefined
  /** Resolves host names in place of `names`, in the form of `dns.lookup`. It is not called for IP literals. */
  readonly lookup?: LookupFunction | undefined
  /** Proxies to go through; `proxyFromEnvironment` reads them from the usual variables. Default: none. */
  readonly proxy?: ProxyOptions | undefined
  /** Authorities and client certificate for https. Default: what Node.js trusts. */
  readonly tls?: PoolTlsOptions | undefined
}

/** {@link HttpPoolOptions} with every default filled in. */
export interface ResolvedHttpPoolOptions {
  readonly maxConnections: number
  readonly maxConnectionsPerOrigin: number
  readonly maxIdleConnections: number
  readonly maxIdleConnectionsPerOrigin: number
  readonly keepAliveMs: number
  readonly maxQueuedRequestsPerOrigin: number
  readonly timeouts: RelayTimeouts
  readonly maxResponseBytes: number
  readonly maxHeaderBytes: number
  readonly userAgent: string
  readonly closeTimeoutMs: number
  readonly egress: EgressPolicy | undefined
  readonly names: NameResolverOptions
  readonly lookup: LookupFunction | undefined
  readonly proxy: ProxyRoutes | undefined
  readonly tls: PoolTlsOptions | undefined
}

const MEBIBYTE = 1_048_576

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} naming the option whose value is out of range.
 */
export const resolveHttpPoolOptions = (options: HttpPoolOptions): ResolvedHttpPoolOptions => {
  const timeouts = resolveTimeouts(options.timeouts, DEFAULT_TIMEOUTS)
  for (const [name, value] of Object.entries(timeouts)) requirePositive(`timeouts.${name}`, value)
  return {
    maxConnections: count('maxConnections', options.maxConnections ?? 2_048, 1),
    maxConnectionsPerOrigin: count('maxConnectionsPerOrigin', options.maxConnectionsPerOrigin ?? 256, 1),
    maxIdleConnections: count('maxIdleConnections', options.maxIdleConnections ?? 512, 0),
    maxIdleConnectionsPerOrigin: count(
      'maxIdleConnectionsPerOrigin',
      options.maxIdleConnectionsPerOrigin ?? 64,
      0,
    ),
    keepAliveMs: count('keepAliveMs', options.keepAliveMs ?? 4_000, 1),
    maxQueuedRequestsPerOrigin: count(
      'maxQueuedRequestsPerOrigin',
      options.maxQueuedRequestsPerOrigin ?? 256,
      0,
    ),
    timeouts,
    maxResponseBytes: requirePositive('maxResponseBytes', options.maxResponseBytes ?? 32 * MEBIBYTE),
    maxHeaderBytes: count('maxHeaderBytes', options.maxHeaderBytes ?? 16_384, 1),
    userAgent: options.userAgent ?? 'mreg-http-pool',
    closeTimeoutMs: requirePositive('closeTimeoutMs', options.closeTimeoutMs ?? 10_000),
    egress: options.egress,
    names: options.names ?? {},
    lookup: options.lookup,
    proxy: options.proxy === undefined ? undefined : new ProxyRoutes(options.proxy),
    tls: options.tls,
  }
}

const count = (name: string, value: number, minimum: number): number => {
  if (Number.isSafeInteger(value) && value >= minimum) return value
  throw new RangeError(`HttpPool option ${name} must be an integer of at least ${minimum}, got ${value}`)
}

const requirePositive = (name: string, value: number): number => {
  if (value > 0) return value
  throw new RangeError(`HttpPool option ${name} must be greater than 0, got ${value}`)
}
