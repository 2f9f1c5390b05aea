import { BlockList, isIP } from 'node:net'

import { expandIpv6 } from './expand-ipv6.ts'
import { SPECIAL_RANGES, type SpecialKind } from './special-ranges.ts'

/** What an address is for; `public` is what anybody may reach. */
export type AddressKind = 'public' | SpecialKind

const LISTS: readonly (readonly [kind: SpecialKind, list: BlockList])[] = SPECIAL_RANGES.map(
  ([kind, ranges]) => [kind, blockListOf(ranges)],
)

const GLOBAL_IPV6 = blockListOf(['2000::/3'])

/**
 * The kind of an IPv4 or IPv6 address, with or without brackets and zone. An IPv6 address that stands for an IPv4 one
 * (mapped, RFC 4291; NAT64, RFC 6052) is of that one's kind. What is no address is `reserved`.
 */
export const addressKind = (address: string): AddressKind => {
  const judged = judgedAddress(address)
  const family = isIP(judged)
  if (family === 0) return 'reserved'
  const special = LISTS.find(([, list]) => isListed(list, judged))?.[0]
  // What is not handed out for global use may not be used as if it were.
  return special ?? (family === 4 || isListed(GLOBAL_IPV6, judged) ? 'public' : 'reserved')
}

/** `address` without brackets and zone; for an IPv6 address that stands for an IPv4 one, that one. */
export const judgedAddress = (address: string): string => {
  const bare = bareAddress(address)
  return isIP(bare) === 6 ? (embeddedIpv4(expandIpv6(bare)) ?? bare) : bare
}

/** Whether `address`, a bare one, is in `list`. */
export const isListed = (list: BlockList, address: string): boolean =>
  list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')

/** Without brackets, zone and final dot. */
export const bareAddress = (address: string): string =>
  address
    .replaceAll(/^\[|\]$/gu, '')
    .replace(/%.*$/u, '')
    .replace(/\.$/u, '')

/**
 * A list of addresses and CIDR ranges.
 *
 * @throws {RangeError} for what is neither.
 */
export function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', prefix, ...more] = range.split('/')
    const family = isIP(address)
    const bits = family === 4 ? 32 : 128
    const length = prefix === undefined ? bits : Number(prefix)
    const isRange = family !== 0 && more.length === 0 && /^\d{1,3}$/u.test(prefix ?? '0') && length <= bits
    if (!isRange) throw new RangeError(`"${range}" is neither an IP address nor a range such as 10.0.0.0/8`)
    list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

const embeddedIpv4 = (groups: readonly number[]): string | undefined => {
  const [first, second, third, fourth, fifth, sixth, high = 0, low = 0] = groups
  const isZero = third === 0 && fourth === 0 && fifth === 0
  const isMapped = first === 0 && second === 0 && isZero && sixth === 0xffff
  const isNat64 = first === 0x64 && second === 0xff9b && isZero && sixth === 0
  if (!isMapped && !isNat64) return undefined
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}
