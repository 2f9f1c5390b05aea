import { isIP } from 'node:net'

import { addressKind, blockListOf, isListed, judgedAddress, type AddressKind } from './address-kind.ts'
import { EgressDeniedError } from './egress-denied-error.ts'
import type { EgressPolicy } from './egress-policy.ts'
import { canonicalHost, HostNames } from './host-names.ts'

const LOOPBACK = ['127.0.0.1', '::1']

export interface EgressGuardOptions {
  /** Kinds of addresses that requests may go to. Default `['public']`; `[]` leaves only the lists below. */
  readonly allow?: readonly AddressKind[] | undefined
  /** Hosts that requests may go to whatever their addresses: names, or `*.example.com` for all below one. Default none. */
  readonly allowHosts?: readonly string[] | undefined
  /** Addresses and CIDR ranges that requests may go to whatever their kind. Default none. */
  readonly allowNetworks?: readonly string[] | undefined
  /** Addresses and CIDR ranges that requests may not go to, whatever the other options say. Default none. */
  readonly refuseNetworks?: readonly string[] | undefined
}

/**
 * A policy that keeps requests off internal networks: loopback, private, link-local, metadata and every other special
 * range, in every spelling, for literals in URLs and again for the address that a connection is really made to, so that a
 * name which resolves to something else the second time gains nothing.
 *
 * @throws {RangeError} for an entry of a list that cannot be read.
 */
export const createEgressGuard = (options: EgressGuardOptions = {}): Required<EgressPolicy> => {
  const kinds = new Set<AddressKind>(options.allow ?? ['public'])
  const hosts = new HostNames(options.allowHosts ?? [])
  const allowed = blockListOf(options.allowNetworks ?? [])
  const refused = blockListOf(options.refuseNetworks ?? [])

  const checkAddress = (address: string, hostname: string): void => {
    const kind = addressKind(address)
    const judged = judgedAddress(address)
    if (isIP(judged) !== 0 && !isListed(refused, judged)) {
      if (kinds.has(kind) || isListed(allowed, judged) || hosts.has(canonicalHost(hostname))) return
    }
    throw new EgressDeniedError(hostname, address, kind)
  }

  return {
    checkAddress,
    checkTarget: (url) => {
      const host = canonicalHost(url.hostname)
      if (isIP(host) !== 0) return checkAddress(host, host)
      if (hosts.has(host)) return undefined
      // These are loopback for every resolver (RFC 6761, section 6.3). Other names are judged when they are resolved.
      const isLoopback = host === 'localhost' || host.endsWith('.localhost')
      if (isLoopback && !kinds.has('loopback') && !LOOPBACK.some((address) => isListed(allowed, address))) {
        throw new EgressDeniedError(host, undefined, 'loopback')
      }
      return undefined
    },
  }
}
