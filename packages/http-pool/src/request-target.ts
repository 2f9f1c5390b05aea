import { HttpPoolError } from './http-pool-error.ts'

/** A URL taken apart once, in the form that `http.request` and the pool's books use. */
export interface RequestTarget {
  /** `scheme://host[:port]`, the port only when it is not the scheme's own. */
  readonly origin: string
  readonly secure: boolean
  /** Without the brackets of an IPv6 literal. */
  readonly hostname: string
  /** Undefined: the scheme's own. */
  readonly port: number | undefined
  /** Path and query. */
  readonly path: string
  /** Value of the `Host` header. */
  readonly host: string
}

/**
 * Takes `url` apart.
 *
 * @throws {HttpPoolError} `invalid_url` for a scheme other than http and https, and for credentials in the URL:
 * they would have to be sent as a header, which is the caller's to give.
 */
export const targetOf = (url: URL): RequestTarget => {
  const secure = url.protocol === 'https:'
  if (!secure && url.protocol !== 'http:') {
    throw invalidUrl(`cannot request a ${url.protocol} URL: only http: and https: are supported`)
  }
  if (url.username !== '' || url.password !== '') {
    throw invalidUrl(`the URL of ${url.host} carries credentials: send them as a header instead`)
  }
  const { hostname } = url
  return {
    origin: url.origin,
    secure,
    hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port: url.port === '' ? undefined : Number(url.port),
    path: url.pathname + url.search,
    host: url.host,
  }
}

/** Remembers targets by their URL objects, for callers that send many requests to one. */
export class TargetCache {
  readonly #targets = new WeakMap<URL, { readonly href: string; readonly target: RequestTarget }>()

  /** @throws {HttpPoolError} as {@link targetOf}. */
  get(url: URL): RequestTarget {
    const known = this.#targets.get(url)
    // A URL object can be changed.
    if (known !== undefined && known.href === url.href) return known.target
    const target = targetOf(url)
    this.#targets.set(url, { href: url.href, target })
    return target
  }
}

/** The origin of a connection, written as {@link RequestTarget.origin}. */
export const originOf = (secure: boolean, hostname: string, port: number | string | undefined): string => {
  const scheme = secure ? 'https' : 'http'
  const host = hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname
  return port === undefined || Number(port) === (secure ? 443 : 80)
    ? `${scheme}://${host}`
    : `${scheme}://${host}:${port}`
}

const invalidUrl = (message: string): HttpPoolError =>
  new HttpPoolError(message, { reason: 'invalid_url', requestSent: false })
