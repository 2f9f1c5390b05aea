import type { LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'

import { ConnectionRefusal } from '../connection-refusal.ts'
import type { EgressPolicy } from './egress-policy.ts'

/** Why a connection may not be made to `host`, when that is an address; a name is judged when it is resolved. */
export const refusalOfLiteral = (
  egress: EgressPolicy | undefined,
  host: string,
): ConnectionRefusal | undefined =>
  isIP(host) === 0 ? undefined : refusalOf(egress, { address: host, family: isIP(host) }, host)

/** `lookup`, without the addresses that the policy refuses. What it gives is what the connection is made to. */
export const guardedLookup = (lookup: LookupFunction, egress: EgressPolicy): LookupFunction =>
  egress.checkAddress === undefined
    ? lookup
    : (hostname, options, callback) => {
        lookup(hostname, { ...options, all: true }, (error, found, family) => {
          if (error !== null) return callback(error, '')
          const addresses = Array.isArray(found) ? found : [{ address: found, family: family ?? isIP(found) }]
          const refusals = addresses.map((address) => refusalOf(egress, address, hostname))
          const fitting = addresses.filter((_address, index) => refusals[index] === undefined)
          const [first] = fitting
          const refusal = refusals.find((each) => each !== undefined)
          if (first === undefined && refusal !== undefined) return callback(refusal, '')
          if (options.all === true || first === undefined) return callback(null, fitting)
          callback(null, first.address, first.family)
        })
      }

/** Why a proxy may not be asked for `hostname`, which has `addresses` as far as is known here. */
export const refusalOfAny = (
  egress: EgressPolicy,
  addresses: readonly LookupAddress[],
  hostname: string,
): ConnectionRefusal | undefined =>
  addresses.map((address) => refusalOf(egress, address, hostname)).find((refusal) => refusal !== undefined)

const refusalOf = (
  egress: EgressPolicy | undefined,
  { address }: LookupAddress,
  hostname: string,
): ConnectionRefusal | undefined => {
  try {
    egress?.checkAddress?.(address, hostname)
    return undefined
  } catch (cause) {
    return new ConnectionRefusal('egress_denied', cause)
  }
}
