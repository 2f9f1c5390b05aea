import { addressKind, bareAddress } from '../egress/address-kind.ts'
import { canonicalHost } from '../egress/host-names.ts'
import { NoProxy } from './no-proxy.ts'
import { parseProxyUrl, type ProxyOptions } from './proxy-options.ts'

/** A proxy, and what it is told about who we are. */
export class ProxyServer {
  readonly secure: boolean
  /** Without brackets. */
  readonly hostname: string
  readonly port: number
  readonly #authorization: string | undefined

  constructor(url: URL) {
    this.secure = url.protocol === 'https:'
    this.hostname = bareAddress(url.hostname)
    this.port = url.port === '' ? (this.secure ? 443 : 80) : Number(url.port)
    const credentials = `${decoded(url.username)}:${decoded(url.password)}`
    // Private, so that it is in no dump of the options.
    this.#authorization =
      credentials === ':' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`
  }

  /** Value of the `Proxy-Authorization` field. Undefined: none. */
  authorization(): string | undefined {
    return this.#authorization
  }
}

interface Target {
  readonly origin: string
  readonly secure: boolean
  /** Without brackets. */
  readonly hostname: string
  /** Undefined: the scheme's own. */
  readonly port: number | undefined
}

const MAX_REMEMBERED = 1_000

/** Which proxy stands before which target. */
export class ProxyRoutes {
  readonly resolveNames: boolean
  readonly #http: ProxyServer | undefined
  readonly #https: ProxyServer | undefined
  readonly #noProxy: NoProxy
  /** By origin, for the hot path. */
  readonly #known = new Map<string, ProxyServer | undefined>()

  /** @throws {RangeError} for what is not the URL of an HTTP proxy. */
  constructor(options: ProxyOptions) {
    this.#http = serverOf(options.http, 'HttpPool option proxy.http')
    this.#https = serverOf(options.https, 'HttpPool option proxy.https')
    this.#noProxy = new NoProxy(options.noProxy ?? '')
    this.resolveNames = options.resolveNames ?? true
  }

  /** Undefined: the target is reached directly. */
  serverFor(target: Target): ProxyServer | undefined {
    if (this.#known.has(target.origin)) return this.#known.get(target.origin)
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear()
    const server = this.#find(target)
    this.#known.set(target.origin, server)
    return server
  }

  #find({ secure, hostname, port = secure ? 443 : 80 }: Target): ProxyServer | undefined {
    const server = secure ? this.#https : this.#http
    if (server === undefined || isLoopback(hostname) || this.#noProxy.matches(hostname, port))
      return undefined
    return server
  }
}

/** What only this machine can reach, no proxy can reach for it. */
const isLoopback = (hostname: string): boolean => {
  const host = canonicalHost(hostname)
  return host === 'localhost' || host.endsWith('.localhost') || addressKind(host) === 'loopback'
}

/** What is no percent-encoding stands for itself. */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const serverOf = (value: URL | string | undefined, label: string): ProxyServer | undefined =>
  value === undefined ? undefined : new ProxyServer(parseProxyUrl(value, label))
