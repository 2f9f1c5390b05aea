/** A header field as sent or received. */
export type HeaderField = readonly [name: string, value: string]

/** Fields that belong to one connection or to the framing of one message, never to what is relayed (RFC 9110, 7.6.1). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * The header list of a request in the flat form of `http.request`: `Host` and `Content-Length` of our own, the caller's
 * fields without those of the connection (and what a `Connection` field names), and `User-Agent` and
 * `Accept-Encoding: identity` unless the caller gives them.
 */
export const buildRequestHeaders = (
  fields: readonly HeaderField[],
  own: {
    readonly host: string
    readonly contentLength: number | undefined
    readonly userAgent: string
    readonly proxyAuthorization?: string | undefined
  },
): string[] => {
  const list = ['Host', own.host]
  let hasUserAgent = false
  let hasAcceptEncoding = false
  let named: ReadonlySet<string> | undefined
  for (const [name, value] of fields) {
    if (name.length === 10 && name.toLowerCase() === 'connection') named = connectionOptions(value, named)
  }
  for (const [name, value] of fields) {
    const lowerCase = name.toLowerCase()
    if (CONNECTION_FIELDS.has(lowerCase) || named?.has(lowerCase) === true) continue
    if (lowerCase === 'user-agent') hasUserAgent = true
    else if (lowerCase === 'accept-encoding') hasAcceptEncoding = true
    list.push(name, value)
  }
  if (!hasUserAgent) list.push('User-Agent', own.userAgent)
  if (!hasAcceptEncoding) list.push('Accept-Encoding', 'identity')
  if (own.proxyAuthorization !== undefined) list.push('Proxy-Authorization', own.proxyAuthorization)
  if (own.contentLength !== undefined) list.push('Content-Length', String(own.contentLength))
  return list
}

const connectionOptions = (value: string, more: ReadonlySet<string> | undefined): ReadonlySet<string> =>
  new Set([...(more ?? []), ...value.split(',').map((option) => option.trim().toLowerCase())])
