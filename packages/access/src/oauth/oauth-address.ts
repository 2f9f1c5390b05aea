import { BlockList, isIP } from 'node:net'

import { ForbiddenError, isLoopback } from '@mreg/core'

const INTERNAL = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  INTERNAL.addSubnet(network, prefix, 'ipv4')
}
INTERNAL.addAddress('::', 'ipv6')
INTERNAL.addAddress('::1', 'ipv6')
INTERNAL.addSubnet('fc00::', 7, 'ipv6')
INTERNAL.addSubnet('fe80::', 10, 'ipv6')

/** Whether a host, as it is written in a URL, is this machine or an address of an internal network. */
export const isInternalHost = (host: string): boolean => {
  const bare = host.replace(/^\[|\]$/gu, '')
  if (isLoopback(bare) || bare.endsWith('.localhost')) return true
  const family = isIP(bare)
  return family !== 0 && INTERNAL.check(bare, family === 4 ? 'ipv4' : 'ipv6')
}

/**
 * The address of something that takes part in a login: https, or http on this machine. What a server says about its
 * login comes from outside: a server elsewhere cannot point at internal addresses.
 *
 * @param serverUrl the server whose login it is.
 * @throws {ForbiddenError} `login_address_refused`.
 */
export const requireOAuthAddress = (text: string, serverUrl: string): URL => {
  const url = URL.parse(text)
  if (url === null) throw refused('that is not a URL')
  if (url.username !== '' || url.password !== '') throw refused('that holds credentials')
  const isSecure = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
  if (!isSecure) throw refused('that is not https')
  if (isInternalHost(url.hostname) && !isInternalHost(new URL(serverUrl).hostname))
    throw refused('of an internal network')
  return url
}

const refused = (why: string): ForbiddenError =>
  new ForbiddenError('login_address_refused', `the login of the server leads to an address ${why}`)
