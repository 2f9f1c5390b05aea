import { isLoopback, type Settings, SLUG_PATTERN } from '@mreg/core'
import type { FastifyRequest } from 'fastify'

import type { Problem } from './problem.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The identifier of the endpoint that is called, which tokens for it are made out to; undefined: it takes none. */
    resource?: string | undefined
  }
}

/** What an endpoint says of how to get in (RFC 9728, section 2). */
export interface ResourceMetadata {
  readonly resource: string
  readonly authorization_servers: readonly string[]
  readonly scopes_supported?: readonly string[]
  readonly bearer_methods_supported: readonly ['header']
  readonly resource_name: string
}

export const WELL_KNOWN = '/.well-known/oauth-protected-resource'

/** `/mcp`, `/mcp/{slug}`, `/mcp/sets/{set}`, and the API as one; each also below `/t/{tenant}`. */
const ENDPOINT = /^((?:\/t\/[\w-]{1,64})?)\/(?:api\/v1|mcp(?:\/(?:sets\/)?([^/]+))?)$/u

/**
 * The endpoints as OAuth knows them: each is a resource of its own, with tokens of its own. There are none where no identity
 * provider is set, and `/mcp` is none while it is open.
 *
 * Source: MCP authorization, 2025-06-18 to 2026-07-28; RFC 9728; RFC 6750, section 3.
 */
export class ProtectedResources {
  readonly #settings: Pick<Settings, 'access' | 'listen' | 'oidc'>

  constructor(settings: Pick<Settings, 'access' | 'listen' | 'oidc'>) {
    this.#settings = settings
  }

  /** The canonical identifier of the endpoint that a request came for (RFC 8707, section 2); undefined: it is none. */
  identifierOf(request: FastifyRequest): string | undefined {
    const path = pathOf(request)
    return path === undefined || !this.#takesTokens(path) ? undefined : `${this.#baseOf(request)}${path}`
  }

  /**
   * The metadata at a path below {@link WELL_KNOWN}, with or without the path of the public URL in front of it; the same for every
   * name, whether there is anything of that name or not. undefined: nothing can be there.
   *
   * @param path such as `/mcp/notes`; empty: that of `/mcp`.
   */
  metadataAt(path: string, request: FastifyRequest): ResourceMetadata | undefined {
    const { issuer, scopes } = this.#settings.oidc
    const prefix = this.#settings.listen.publicUrl?.pathname.replace(/\/$/u, '') ?? ''
    const candidates = [...(path.startsWith(prefix) ? [path.slice(prefix.length)] : []), path]
    const found = candidates.map((candidate) => (candidate === '' ? '/mcp' : candidate)).find(isEndpoint)
    if (issuer === undefined || found === undefined || !this.#takesTokens(found)) return undefined
    return {
      resource: `${this.#baseOf(request)}${found}`,
      authorization_servers: [issuer],
      ...(scopes.length > 0 ? { scopes_supported: scopes } : {}),
      bearer_methods_supported: ['header'],
      resource_name: 'MCP Registry Gateway',
    }
  }

  /** What a refused request is told about getting in, for `WWW-Authenticate`; undefined: nothing. */
  challenge(request: FastifyRequest, problem: Problem): string | undefined {
    const isScopeMissing = problem.code === 'insufficient_scope'
    if (problem.status !== 401 && !isScopeMissing) return undefined
    const { scopes } = this.#settings.oidc
    const fields: [string, string][] = []
    // Who has sent nothing has done nothing wrong yet.
    if (request.headers.authorization !== undefined) {
      fields.push(['error', isScopeMissing ? 'insufficient_scope' : 'invalid_token'])
      fields.push(['error_description', problem.detail])
    }
    const path = request.resource === undefined ? undefined : pathOf(request)
    if (path !== undefined) {
      if (scopes.length > 0) fields.push(['scope', scopes.join(' ')])
      fields.push(['resource_metadata', `${this.#baseOf(request)}${WELL_KNOWN}${path}`])
    }
    const parameters = fields.map(([name, value]) => `${name}="${quotable(value)}"`).join(', ')
    return parameters === '' ? 'Bearer' : `Bearer ${parameters}`
  }

  #takesTokens(path: string): boolean {
    const { access, oidc } = this.#settings
    return oidc.issuer !== undefined && (access.mode === 'required' || path.endsWith('/api/v1'))
  }

  /** The URL of the gateway as its clients see it, without a slash at the end. */
  #baseOf({ hostname, socket }: FastifyRequest): string {
    const { publicUrl } = this.#settings.listen
    if (publicUrl !== undefined) return publicUrl.href.replace(/\/$/u, '')
    // Only the name is taken from what was sent, of those that this machine has: the port is that of the socket.
    const name = isLoopback(hostname) ? hostname : '127.0.0.1'
    return `http://${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${socket.localPort}`
  }
}

/** The path of the endpoint, as it is written canonically; undefined: the request is for something else. */
const pathOf = ({ params, routeOptions: { url } }: FastifyRequest): string | undefined => {
  if (url === undefined) return undefined
  const values: Readonly<Record<string, unknown>> = Object(params)
  const path = url.replaceAll(/:(\w+)/gu, (_all, name: string) => encodeURIComponent(String(values[name])))
  const [, api] = /^((?:\/t\/[^/]+)?\/api\/v1)\//u.exec(path) ?? []
  if (api !== undefined) return api
  if (url === '/metrics') return '/api/v1'
  return /^(?:\/t\/[^/]+)?\/mcp(?:\/|$)/u.test(path) ? path : undefined
}

const isEndpoint = (path: string): boolean => {
  const [all, , slug] = ENDPOINT.exec(path) ?? []
  return all !== undefined && (slug === undefined || SLUG_PATTERN.test(slug))
}

/** What may stand between quotes in a header (RFC 6750, section 3). */
const quotable = (text: string): string => text.replaceAll(/[^\x20-\x7e]|["\\]/gu, "'")
