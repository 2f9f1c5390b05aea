import { isIP } from 'node:net'

import { ForbiddenError, isLoopback } from '@mreg/core'
import { addressKind } from '@mreg/http-pool'

/** Whether a host, as it is written in a URL, is this machine or an address of an internal network. */
export const isInternalHost = (host: string): boolean => {
  const bare = host.replace(/^\[|\]$/gu, '')
  if (isLoopback(bare) || bare.endsWith('.localhost')) return true
  return isIP(bare) !== 0 && addressKind(bare) !== 'public'
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
    throw internalAddressRefused()
  return url
}

/** The error for an address that nobody outside may name. */
export const internalAddressRefused = (): ForbiddenError => refused('of an internal network')

const refused = (why: string): ForbiddenError =>
  new ForbiddenError('login_address_refused', `the login of the server leads to an address ${why}`)
