import type { Settings } from '@mreg/core'
import {
  type AddressKind,
  createEgressGuard,
  type HttpPoolOptions,
  type NameResolver,
  proxyFromEnvironment,
} from '@mreg/http-pool'

import type { ProcessFacts } from './tokens.ts'

interface PoolFacts {
  readonly settings: Settings
  readonly facts: ProcessFacts
  readonly names: NameResolver
  /** The kinds of addresses that requests may go to; what is allowed by name is allowed all the same. */
  readonly kinds: readonly AddressKind[]
  /** Default: the one of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
}

/**
 * A pool for requests that others caused: guarded, and through the proxy that the environment names.
 *
 * @throws {RangeError} naming the variable that does not hold the URL of an HTTP proxy, or the host that is none.
 */
export const poolOptions = ({
  settings: { egress, limits, timeouts },
  facts,
  names,
  kinds,
  environment = process.env,
}: PoolFacts): HttpPoolOptions => {
  const { allowHosts, allowNetworks, refuseNetworks, proxyJudgesNames, systemAuthorities } = egress
  const proxy = proxyFromEnvironment(environment)
  return {
    maxConnectionsPerOrigin: limits.maxConnectionsPerOrigin,
    maxResponseBytes: limits.maxReplyBytes,
    timeouts: { connectMs: timeouts.connectMs },
    userAgent: `MCP-Registry-Gateway/${facts.version}`,
    closeTimeoutMs: 1000,
    egress: createEgressGuard({ allow: kinds, allowHosts, allowNetworks, refuseNetworks }),
    lookup: names.lookup,
    proxy: proxy === undefined ? undefined : { ...proxy, resolveNames: !proxyJudgesNames },
    tls: { systemCa: systemAuthorities },
  }
}
