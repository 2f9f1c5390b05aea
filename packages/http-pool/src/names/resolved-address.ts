import { networkInterfaces } from 'node:os'

/** One address of a name. */
export interface ResolvedAddress {
  readonly address: string
  readonly family: 4 | 6
}

export const asAddress = (address: string): ResolvedAddress => ({
  address,
  family: address.includes(':') ? 6 : 4,
})

/**
 * IPv6 first when this machine has an IPv6 address that reaches further than its link, else IPv4 first; the order within
 * a family stays. The connection tries them in turn (RFC 8305).
 */
export const inOrderOfPreference = (
  addresses: readonly ResolvedAddress[],
  preferIpv6: boolean = hasIpv6(),
): readonly ResolvedAddress[] => {
  const [first, second] = preferIpv6 ? [6, 4] : [4, 6]
  return [
    ...addresses.filter(({ family }) => family === first),
    ...addresses.filter(({ family }) => family === second),
  ]
}

const hasIpv6 = (): boolean =>
  Object.values(networkInterfaces()).some((interfaces) =>
    interfaces?.some(
      ({ family, internal, address }) => family === 'IPv6' && !internal && !/^fe[89ab]/iu.test(address),
    ),
  )
