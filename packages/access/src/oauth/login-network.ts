import { isIP, type LookupFunction } from 'node:net'

import { addressKind, type HttpPool } from '@mreg/http-pool'
import { createHttpClient, type HttpClient } from '@mreg/http-pool/got'

import { isInternalHost } from './oauth-address.ts'

/** The connections for logins. */
export interface LoginNetwork {
  /** For the servers themselves. */
  readonly http: HttpClient
  /** For whoever takes part in the login of the server at `serverUrl`. */
  clientFor(serverUrl: string): Promise<HttpClient>
}

export interface LoginNetworkOptions {
  /** Reaches what the gateway's servers may be. */
  readonly pool: HttpPool
  /** Has an egress guard that lets it reach public addresses only. */
  readonly publicPool: HttpPool
  /** Resolves the names of servers, in the form of `dns.lookup`. */
  readonly lookup: LookupFunction
}

/**
 * What a server says about its login comes from outside, names included: unless the server itself is on an internal
 * network, such requests go out through a pool whose guard looks at the address of every connection.
 */
export const createLoginNetwork = ({ pool, publicPool, lookup }: LoginNetworkOptions): LoginNetwork => {
  const [http, publicHttp] = [createHttpClient(pool), createHttpClient(publicPool)]
  return {
    http,
    clientFor: async (serverUrl) => {
      const { hostname } = new URL(serverUrl)
      const isInternal = isInternalHost(hostname) || (await isResolvedInside(lookup, hostname))
      return isInternal ? http : publicHttp
    },
  }
}

/** A name that cannot be resolved is not known to be inside. */
const isResolvedInside = (lookup: LookupFunction, hostname: string): Promise<boolean> =>
  isIP(hostname.replaceAll(/^\[|\]$/gu, '')) !== 0
    ? Promise.resolve(false)
    : new Promise((resolve) => {
        lookup(hostname, { all: true }, (error, found) => {
          const addresses = Array.isArray(found) ? found.map(({ address }) => address) : [found]
          resolve(error === null && addresses.some((address) => addressKind(address) !== 'public'))
        })
      })
