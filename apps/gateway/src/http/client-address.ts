import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/**
 * Where a request comes from, as clients are counted: an IPv4 address, or the /64 of an IPv6 address, of which one client has all.
 * An IPv4 address is the same however it is written.
 *
 * @param trustedProxies how many proxies stand in front of the gateway, each of which adds to `X-Forwarded-For` who spoke to it. What
 *   clients have written there themselves is before that, and is not looked at. 0: the header is not.
 */
export const clientAddress = (
  { headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>,
  trustedProxies: number,
): string => {
  const direct = socket.remoteAddress ?? ''
  if (trustedProxies === 0) return addressGroup(direct) ?? direct
  const said = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
  return addressGroup(said.at(-trustedProxies)?.trim() ?? '') ?? addressGroup(direct) ?? direct
}

/** undefined: that is no address. */
const addressGroup = (text: string): string | undefined => {
  const [bare = ''] = text.split('%')
  if (isIP(bare) === 4) return bare
  if (isIP(bare) !== 6) return undefined
  const groups = expand(new URL(`http://[${bare}]/`).hostname.slice(1, -1))
  const [high = 0, low = 0] = groups.slice(6)
  return groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
    ? [high >> 8, high & 255, low >> 8, low & 255].join('.')
    : `${groups
        .slice(0, 4)
        .map((group) => group.toString(16))
        .join(':')}::/64`
}

/** The eight groups of an address in its shortest form. */
const expand = (address: string): readonly number[] => {
  const [head = [], tail = []] = address
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))))
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail]
}
