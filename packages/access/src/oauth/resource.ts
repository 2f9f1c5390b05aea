/** The canonical identifier of a server as a resource: no fragment, no slash at the end (RFC 8707, section 2). */
export const resourceOf = (serverUrl: string): string => {
  const url = new URL(serverUrl)
  url.hash = ''
  return url.href.replace(/\/$/u, '')
}

/** Whether a token for `resource` is meant for `serverUrl`: the same origin, and the same path or one below it. */
export const coversUrl = (resource: string, serverUrl: string): boolean => {
  const covering = URL.parse(resource)
  const url = URL.parse(serverUrl)
  if (covering === null || url === null || covering.origin !== url.origin || covering.origin === 'null')
    return false
  if (covering.username !== '' || covering.password !== '') return false
  if (covering.search !== '' && covering.search !== url.search) return false
  const path = covering.pathname.replace(/\/$/u, '')
  return url.pathname === path || url.pathname.startsWith(`${path}/`)
}
