import { ForbiddenError, isLoopback, type Settings, ValidationError } from '@mreg/core'
import type { FastifyReply, FastifyRequest } from 'fastify'

export interface GuardOptions {
  readonly settings: Pick<Settings, 'listen' | 'security'>
}

/** So many spellings of our own names are remembered. */
const REMEMBERED_HOSTS = 100

const CORS_METHODS = 'GET, POST, PATCH, DELETE, OPTIONS'
const CORS_EXPOSED =
  'Mcp-Session-Id, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id'

/**
 * Lets only those requests in that a browser was not tricked into sending: a Host that is ours (against
 * DNS rebinding) and, where there is an Origin, one that may call us. Stands before every route.
 *
 * Source: MCP 2025-11-25 and 2026-07-28, Streamable HTTP, security warning.
 */
export class Guard {
  readonly #hosts: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>
  readonly #loopbackPages: boolean
  readonly #seen = new Set<string>()

  constructor({ settings: { listen, security } }: GuardOptions) {
    const own = [
      ...listen.hosts,
      ...security.allowedHosts,
      ...(listen.publicUrl === undefined ? [] : [listen.publicUrl.hostname]),
    ]
    this.#hosts = new Set(
      [...(listen.hosts.some(isLoopback) ? ['localhost', '127.0.0.1', '::1'] : []), ...own].map(bareHost),
    )
    this.#origins = new Set([
      ...security.allowedOrigins,
      ...(listen.publicUrl === undefined ? [] : [listen.publicUrl.origin]),
    ])
    this.#loopbackPages = security.corsOnLoopback
  }

  /**
   * @throws {ValidationError} for a request that names no host, or several, or a whole URL.
   * @throws {ForbiddenError} `host_not_allowed` or `origin_not_allowed`.
   */
  check(request: FastifyRequest, reply: FastifyReply): void {
    const host = this.#hostOf(request)
    const { origin } = request.headers
    void reply.header('vary', 'Origin')
    if (origin === undefined) return
    if (!this.#mayCall(origin, host)) {
      throw new ForbiddenError(
        'origin_not_allowed',
        `pages from ${JSON.stringify(origin)} may not call this gateway; security.allowedOrigins in the settings file lists those that may`,
      )
    }
    void reply
      .header('access-control-allow-origin', origin)
      .header('access-control-expose-headers', CORS_EXPOSED)
  }

  /** Answers the question that a browser asks before a call from another origin. */
  preflight(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    return reply
      .code(204)
      .header('access-control-allow-methods', CORS_METHODS)
      .header(
        'access-control-allow-headers',
        request.headers['access-control-request-headers'] ?? 'content-type',
      )
      .header('access-control-max-age', '600')
      .send()
  }

  #hostOf(request: FastifyRequest): string {
    const { rawHeaders, url } = request.raw
    if (countHosts(rawHeaders) !== 1)
      throw new ValidationError([{ path: 'host', message: 'a request names exactly one Host' }], {
        code: 'invalid_host',
      })
    if (url?.startsWith('/') !== true) {
      throw new ValidationError([{ path: '', message: 'the request target is a path, not a whole URL' }], {
        code: 'invalid_target',
      })
    }
    const host = request.headers.host ?? ''
    if (!this.#isOurs(host)) {
      throw new ForbiddenError(
        'host_not_allowed',
        `${JSON.stringify(host)} is not a name of this gateway; MREG_PUBLIC_URL, or security.allowedHosts in the settings file, adds one`,
      )
    }
    return host
  }

  /** Whether a Host is ours. Clients send the same few again and again: those are remembered as they are written. */
  #isOurs(host: string): boolean {
    if (this.#seen.has(host)) return true
    if (!this.#hosts.has(bareHost(hostnameOf(host)))) return false
    if (this.#seen.size < REMEMBERED_HOSTS) this.#seen.add(host)
    return true
  }

  #mayCall(origin: string, host: string): boolean {
    if (this.#origins.has(origin)) return true
    if (!URL.canParse(origin)) return false
    const page = new URL(origin)
    return page.host === host || (this.#loopbackPages && isLoopback(page.hostname))
  }
}

const countHosts = (rawHeaders: readonly string[]): number => {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]
    if (name?.length === 4 && name.toLowerCase() === 'host') count += 1
  }
  return count
}

const hostnameOf = (host: string): string =>
  (host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : host.split(':')[0]) ?? ''

const bareHost = (host: string): string =>
  host
    .toLowerCase()
    .replace(/^\[(.*)\]$/u, '$1')
    .replace(/\.$/u, '')
