import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'

import { bareAddress } from './address-kind.ts'

/** `host` as it is compared: lower case, ASCII, without brackets, zone and final dot; an IPv4 address in four decimals. */
export const canonicalHost = (host: string): string => {
  const bare = bareAddress(host)
  if (isIP(bare) === 6) return new URL(`http://[${bare}]/`).hostname.slice(1, -1)
  return bareAddress(domainToASCII(bare))
}

/** Host names, and `*.example.com` for every name below one. */
export class HostNames {
  readonly #exact = new Set<string>()
  readonly #suffixes: string[] = []

  /** @throws {RangeError} for what is no host name. */
  constructor(patterns: readonly string[]) {
    for (const pattern of patterns) {
      const isSuffix = pattern.startsWith('*.')
      const host = canonicalHost(isSuffix ? pattern.slice(2) : pattern)
      if (host === '' || host.includes('*')) {
        throw new RangeError(`"${pattern}" is neither a host name nor one that starts with "*."`)
      }
      if (isSuffix) this.#suffixes.push(`.${host}`)
      else this.#exact.add(host)
    }
  }

  /** @param host in the form of {@link canonicalHost}. */
  has(host: string): boolean {
    return this.#exact.has(host) || this.#suffixes.some((suffix) => host.endsWith(suffix))
  }
}
